//! The forms in which a value shows up in other texts.

use std::fmt::Write;

use ::base64::{Engine as _, engine::general_purpose as base64};

/// The value as it is, percent-encoded, in base64, and escaped for JSON and HTML, as common servers and libraries write it.
pub(super) fn forms(value: &str) -> Vec<String> {
    let mut forms = vec![value.to_owned()];
    for unreserved in ["", "-._~", "-._~,:", "-._~!*'()", "*-._", "-._~!$&'()*+,;=:@", "-._~!$&'()*+,;=:@/"] {
        for is_upper in [true, false] {
            let encoded = percent_encoded(value, unreserved, is_upper);
            forms.push(encoded.replace("%20", "+"));
            forms.push(encoded);
        }
    }
    for engine in [&base64::STANDARD, &base64::STANDARD_NO_PAD, &base64::URL_SAFE, &base64::URL_SAFE_NO_PAD] {
        let encoded = engine.encode(value);
        forms.push(percent_encoded(&encoded, "-_", true));
        forms.push(encoded);
    }
    let json = serde_json::Value::from(value).to_string();
    let json = &json[1..json.len() - 1];
    for is_slash_escaped in [false, true] {
        let json = if is_slash_escaped { json.replace('/', "\\/") } else { json.to_owned() };
        for special in ["", "&<>", "&<>'", "\u{7f}"] {
            for is_upper in [true, false] {
                forms.push(unicode_escaped(&json, special, is_upper));
            }
        }
        forms.push(json);
    }
    let html = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    for (quote, apostrophe) in [("\"", "'"), ("&quot;", "'"), ("&quot;", "&#39;"), ("&quot;", "&#x27;"), ("&#34;", "&#39;")] {
        forms.push(html.replace('"', quote).replace('\'', apostrophe));
    }
    // And all of these in a text that is itself part of a JSON text.
    let nested: Vec<String> =
        forms.iter().filter(|form| form.contains(['"', '\\'])).map(|form| serde_json::Value::from(form.as_str()).to_string()).collect();
    forms.extend(nested.iter().map(|form| form[1..form.len() - 1].to_owned()));
    forms.sort_unstable();
    forms.dedup();
    forms
}

fn percent_encoded(value: &str, unreserved: &str, is_upper: bool) -> String {
    value.bytes().fold(String::new(), |mut out, byte| {
        // Writing into a String cannot fail.
        let _ = match char::from(byte) {
            plain if plain.is_ascii_alphanumeric() || unreserved.contains(plain) => write!(out, "{plain}"),
            _ if is_upper => write!(out, "%{byte:02X}"),
            _ => write!(out, "%{byte:02x}"),
        };
        out
    })
}

/// With `\uXXXX` for the special characters and, where there are any, for all beyond ASCII.
fn unicode_escaped(json: &str, special: &str, is_upper: bool) -> String {
    json.chars().fold(String::new(), |mut out, c| {
        if special.contains(c) || (special == "\u{7f}" && !c.is_ascii()) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = if is_upper { write!(out, "\\u{unit:04X}") } else { write!(out, "\\u{unit:04x}") };
            }
        } else {
            out.push(c);
        }
        out
    })
}
