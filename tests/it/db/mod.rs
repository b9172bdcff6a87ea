//! The scripts in `db/` against a real server: real clients, real dumps, and a look at every process while they run.

mod copies;
mod dumps;
mod faults;
mod migrations;
mod proxy;
mod refresh;
mod script;
mod watch;

/// Everything that copies and dumps have broken: names and rows with every quote, binary data, four-byte text, views on views,
/// triggers, routines, events, foreign keys, computed columns, and the database's own name in its rows.
fn busy(name: &str) -> String {
    let quoted = script::ident(name);
    format!(
        "create table parents (id int auto_increment primary key, name varchar(300) unique, parent int, constraint self foreign key (parent) references parents (id));
         create table children (id bigint primary key, parent int not null, raw blob, note text, twice bigint as (id * 2) stored,
             email varchar(80), foreign key (parent) references parents (id) on delete cascade);
         create table `we``ird 'na\"me-$ü` (`co``l umn-$` varchar(20), email varchar(80) not null, at datetime, unique key (email));
         create table log (entry int, note text);
         insert into parents (id, name, parent) values (0, 'zero', null);
         update parents set id = 7 where name = 'zero';
         insert into parents (name, parent) values ({own}, 7), (concat('use ', {own}, '; 😀 \\\\ '' \" `{plain}`.t'), 8);
         insert into children (id, parent, raw, note, email) values (1, 7, x'00ff275c0a0d1a', 'tab\\tline\\nback\\\\slash''quote', 'a@example.org'),
             (2, 8, null, '/*!40000 DROP DATABASE mysql */; 𝒳', 'nobody');
         insert into children (id, parent, raw, note) select 10 + seq, 7, repeat(unhex('0102030405'), 3000), repeat('x', 200) from (
             select a.n + 10 * b.n as seq from (select 0 n union select 1 union select 2 union select 3 union select 4 union select 5 union select 6
             union select 7 union select 8 union select 9) a, (select 0 n union select 1 union select 2 union select 3) b) numbers;
         insert into `we``ird 'na\"me-$ü` values ('x', 'b@example.org', '2024-02-29 23:59:59'), ('y', 'c@example.org', null);
         create view a_second as select 1 as one;
         create view the_first as select p.name, c.note from parents as p join children as c on c.parent = p.id;
         create or replace view a_second as select name from the_first;
         create trigger after_parents after insert on parents for each row insert into log values (new.id, 'inserted; twice');
         create function plus_one(x int) returns int deterministic return x + 1;
         create procedure note_it(in what text) begin insert into log values (0, what); select count(*) from {quoted}.log; end;
         create event nightly on schedule every 1 day starts '2030-01-01 00:00:00' disable do insert into log values (1, 'event');",
        own = script::literal(name),
        plain = name.replace('`', "``").replace('\'', "''").replace('\\', "\\\\"),
    )
}
