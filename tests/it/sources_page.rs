//! The worked example of docs/sources.md runs as it is written.

use std::{collections::BTreeMap, path::Path, process::Command};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// The fenced blocks of the example with the line before each.
fn blocks(page: &str) -> Vec<(String, String)> {
    let example = page.split("## A worked example").nth(1).unwrap().split("## Reference").next().unwrap();
    let mut blocks = Vec::new();
    let (mut before, mut inside) = (String::new(), None::<String>);
    for line in example.lines() {
        match (&mut inside, line) {
            (None, line) if line.starts_with("```") => inside = Some(String::new()),
            (None, line) => before = line.trim_matches('`').to_owned(),
            (Some(text), "```") => {
                blocks.push((std::mem::take(&mut before), std::mem::take(text)));
                inside = None;
            }
            (Some(text), line) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    blocks
}

/// Answers what the page says that the tracker answers, and 404 to everything else.
async fn serve(answers: BTreeMap<String, String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1");
            let known = answers.get(line).filter(|_| head.contains("authorization: Bearer secret-of-the-tracker"));
            let (status, body) = known.map_or((404, "{}".to_owned()), |body| (200, body.clone()));
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    format!("http://{address}/api/v2")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worked_example_runs_as_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    };
    for seed in ["projects", "project_platforms"] {
        let file = format!("sql/seeds/{seed}.csv");
        write(&file, &fs_err::read_to_string(root.join(&file)).unwrap());
    }
    let (mut answers, mut commands, mut last) = (BTreeMap::new(), Vec::new(), String::new());
    let mut files = 0;
    for (before, text) in blocks(&fs_err::read_to_string(root.join("docs/sources.md")).unwrap()) {
        if before.starts_with("GET ") {
            answers.insert(before, text);
        } else if before.starts_with("s") && before.contains('/') {
            write(&before, &text);
            files += 1;
        } else if text.starts_with("etl ") {
            commands.extend(text.lines().map(str::to_owned).collect::<Vec<_>>());
        } else {
            last = text;
        }
    }
    assert_eq!((answers.len(), files, commands.len()), (2, 6, 4));
    let url = serve(answers).await;
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_etl"))
            .env_clear()
            .envs([("ETL_TRACKER_BASE_URL", url.as_str()), ("TRACKER_TOKEN", "secret-of-the-tracker"), ("ETL_NOW", "2026-03-02T06:00:00Z")])
            .args(["--progress", "none", "--project-dir"])
            .arg(folder.path())
            .args(arguments)
            .output()
            .unwrap();
        let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "etl {arguments:?}\n{told}");
        String::from_utf8(output.stdout).unwrap()
    };
    for command in &commands {
        let told = run(&command.split(' ').skip(1).collect::<Vec<_>>());
        assert!(!command.starts_with("etl test") || told.contains("1 passed"), "{told}");
    }
    assert_eq!(run(&["query", "select * from report_tracker_tickets order by all"]), last);
}
