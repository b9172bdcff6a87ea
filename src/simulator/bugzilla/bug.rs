//! A bug as the API shows it.

use super::{
    super::{
        BUGZILLA_KEY,
        calendar::{appeared, appears, flag_versions, iso},
        json::{Object, Style, Value},
        oddity::{Oddity, style},
        random::Dice,
        world::Today,
    },
    index::BugIndex,
    search::Search,
    story::{Story, flag},
};

/// Ids rise in steps of about this much, with gaps: the bugs between are none of ours.
const STEP: u64 = 37;
const FIRST_ID: u64 = 1_950_000;
/// The one meta bug.
pub(super) const META: u64 = 1_935_100;

/// Products with the components of their bugs. The last one has no Firefox flags.
const PRODUCTS: [(&str, &str); 9] = [
    ("Firefox", "Address Bar"),
    ("Firefox", "Sidebar"),
    ("Core", "Layout"),
    ("Toolkit", "Themes"),
    ("DevTools", "Inspector"),
    ("Fenix", "Toolbar"),
    ("Focus", "General"),
    ("GeckoView", "Media"),
    ("Firefox for iOS", "General"),
];
const WHAT: [&str; 8] = [
    "The sidebar is blank after waking from sleep",
    "Crash when dragging a tab between windows",
    "Context menu is cut off at 200% zoom",
    "Focus ring is missing on the “Save” button",
    "Video stutters with HDR on",
    "Search suggestions flicker",
    "Translated strings overflow the panel",
    "PDF form loses text when printed",
];

/// A bug on one day.
#[derive(Clone, Debug)]
pub(super) struct Bug<'a> {
    pub(super) id: u64,
    pub(super) dice: Dice,
    pub(super) story: Story,
    today: Today<'a>,
    number: u64,
}

impl<'a> Bug<'a> {
    fn new(today: Today<'a>, number: u64) -> Self {
        let scale = &today.world.scale;
        let dice = today.world.dice("bug", number);
        let story = Story::tell(today, dice, appears(number, scale.bugs, scale.bugs_weekly));
        Self { id: id_of(dice, number), dice, story, today, number }
    }

    /// The bug with this id, visible or not.
    pub(super) fn find(today: Today<'a>, id: u64) -> Option<Self> {
        let number = id.checked_sub(FIRST_ID)? / STEP;
        let dice = today.world.dice("bug", number);
        (number < count(today) && id_of(dice, number) == id).then(|| Self::new(today, number))
    }

    /// The bugs with an id of at least `least` that `search` may find, by id; its rules are still to be applied.
    pub(super) fn candidates(today: Today<'a>, search: &Search, least: u64) -> Box<dyn Iterator<Item = Self> + 'a> {
        if let Some(ids) = &search.ids {
            let mut ids = ids.clone();
            ids.sort_unstable();
            ids.dedup();
            return Box::new(ids.into_iter().filter_map(move |id| Self::find(today, id)));
        }
        let first = least.saturating_sub(FIRST_ID) / STEP;
        let index = BugIndex::of(today);
        let numbers: Vec<u64> = (first..count(today)).filter(|number| index.may_be(*number, search)).collect();
        Box::new(numbers.into_iter().map(move |number| Self::new(today, number)))
    }

    /// Every bug, by number.
    pub(super) fn all(today: Today<'a>) -> impl Iterator<Item = Self> {
        (0..count(today)).map(move |number| Self::new(today, number))
    }

    pub(super) fn product(&self) -> &'static str {
        self.dice.pick("product", &PRODUCTS).0
    }

    /// One bug in forty is hidden from everybody here, one in sixty becomes so later; one in twenty needs a key.
    pub(super) fn is_visible(&self, key: Option<&str>) -> bool {
        let scale = &self.today.world.scale;
        let secret_from = appears(self.number, scale.bugs, scale.bugs_weekly)
            + if self.dice.one_in("hidden", 40) {
                0
            } else if self.dice.one_in("hidden later", 60) {
                self.dice.between("hidden after", 3, 30).cast_signed()
            } else {
                return key == Some(BUGZILLA_KEY) || !self.dice.one_in("restricted", 20);
            };
        self.today.day < secret_from
    }

    /// One field of the state, by its name in the history.
    pub(super) fn state(&self, field: &str) -> String {
        self.story.state.get(field).cloned().unwrap_or_default()
    }

    /// The bug with all its fields.
    pub(super) fn record(&self) -> Object {
        let dice = self.dice;
        let (product, component) = dice.pick("product", &PRODUCTS);
        let oddity = Oddity::of(dice, self.today.world.scale.odd_one_in);
        let keywords = self.state("keywords");
        let resolved = Some(self.state("cf_last_resolved")).filter(|text| !text.is_empty());
        let status = self.state("bug_status");
        let open = !matches!(status.as_str(), "RESOLVED" | "VERIFIED" | "CLOSED");
        let summary = format!("{} ({})", dice.pick("what", &WHAT), self.number);
        let mut record: Object = vec![
            ("id".into(), self.id.into()),
            ("alias".into(), Value::Null),
            ("summary".into(), oddity.text(summary)),
            ("type".into(), dice.pick("type", &["defect", "defect", "defect", "enhancement", "task"]).into()),
            ("product".into(), product.into()),
            ("component".into(), component.into()),
            ("version".into(), "unspecified".into()),
            ("platform".into(), dice.pick("platform", &["All", "Desktop", "x86_64"]).into()),
            ("op_sys".into(), dice.pick("op sys", &["All", "Windows 11", "macOS", "Linux"]).into()),
            ("status".into(), status.into()),
            ("resolution".into(), self.state("resolution").into()),
            ("severity".into(), self.state("bug_severity").into()),
            ("priority".into(), self.state("priority").into()),
            ("keywords".into(), Value::list(keywords.split(", ").filter(|word| !word.is_empty()).map(str::to_owned))),
            ("whiteboard".into(), dice.pick("whiteboard", &["", "", "[fxdroid]", "[sng] [photon-structure]"]).into()),
            ("cf_qa_whiteboard".into(), self.state("cf_qa_whiteboard").into()),
            ("creator".into(), "ana@example.test".into()),
            ("assigned_to".into(), self.state("assigned_to").into()),
            ("creation_time".into(), iso(self.story.created_on).into()),
            ("last_change_time".into(), iso(self.story.changed_on()).into()),
            ("cf_last_resolved".into(), resolved.into()),
            ("is_open".into(), open.into()),
            ("is_confirmed".into(), true.into()),
            ("dupe_of".into(), (self.state("resolution") == "DUPLICATE").then_some(FIRST_ID).into()),
            ("groups".into(), Value::List(vec![])),
            ("votes".into(), dice.below("votes", 4).into()),
            ("cf_has_str".into(), "---".into()),
            ("flags".into(), Value::List(self.flags(product))),
        ];
        if product != "Firefox for iOS" {
            for version in flag_versions(self.today.day) {
                let value = self.state(&flag(version));
                record.push((flag(version), if value.is_empty() { "---".into() } else { value.into() }));
                record.push((format!("cf_tracking_firefox{version}").into(), "---".into()));
            }
            record.push(("cf_status_firefox_esr140".into(), "---".into()));
        }
        oddity.thin_out(&mut record, &["severity", "priority", "whiteboard", "type", "cf_last_resolved", "keywords"]);
        record
    }

    /// What QA and others are asked for. A request of QA is answered some days later.
    fn flags(&self, product: &str) -> Vec<Value> {
        let dice = self.dice;
        let mobile = matches!(product, "Fenix" | "Focus" | "GeckoView");
        let asked = self.story.created_on + 3600;
        let flag = |number: u64, name: &'static str, status: &'static str| {
            Value::Object(vec![
                ("id".into(), (self.id * 10 + number).into()),
                ("name".into(), name.into()),
                ("status".into(), status.into()),
                ("setter".into(), "ana@example.test".into()),
                ("creation_date".into(), iso(asked).into()),
                ("modification_date".into(), iso(asked.max(self.story.changed_on())).into()),
                ("type_id".into(), 864_u64.into()),
            ])
        };
        let mut flags = Vec::new();
        if mobile && dice.one_in("qe-verify", 2) {
            let done = matches!(self.state("bug_status").as_str(), "VERIFIED" | "CLOSED");
            flags.push(flag(1, "qe-verify", if done { "-" } else { "+" }));
        }
        if dice.one_in("needinfo", 9) {
            flags.push(flag(2, "needinfo", "?"));
        }
        flags
    }

    /// The meta bug that the demo follows: it depends on some of the bugs, more of them day by day.
    pub(super) fn meta(today: Today<'a>) -> Vec<u8> {
        let ids = (0..count(today)).filter(|number| number % 23 == 4).map(|number| id_of(today.world.dice("bug", number), number));
        let record: Object =
            vec![("id".into(), META.into()), ("summary".into(), "[meta] Memory leaks on Android".into()), ("depends_on".into(), Value::list(ids))];
        let mut out = Vec::new();
        Value::Object(record).write(Style::Compact, &mut out);
        out
    }

    /// The JSON of the bug with the fields in `include`, or all when it is empty. Names that no bug has are ignored.
    pub(super) fn written(&self, include: &[String]) -> Vec<u8> {
        let mut record = self.record();
        let wanted = |name: &str| {
            include.is_empty()
                || include.iter().any(|word| match word.as_str() {
                    "_all" | "_default" => true,
                    "_custom" => name.starts_with("cf_"),
                    word => word == name,
                })
        };
        record.retain(|(name, _)| wanted(name));
        let mut out = Vec::new();
        Value::Object(record).write(style(self.dice, Style::Compact), &mut out);
        out
    }

    /// The body of `/bug/{id}/history`: changes at or after `since`.
    pub(super) fn history(&self, since: Option<&str>) -> Value {
        let events = self.story.events.iter().filter(|event| since.is_none_or(|since| iso(event.at).as_str() >= since));
        let events = events.map(|event| {
            let changes = event.changes.iter().map(|change| {
                Value::Object(vec![
                    ("removed".into(), change.removed.clone().into()),
                    ("added".into(), change.added.clone().into()),
                    ("field_name".into(), change.field.clone().into_owned().into()),
                ])
            });
            Value::Object(vec![
                ("when".into(), iso(event.at).into()),
                ("who".into(), event.who.into()),
                ("changes".into(), Value::List(changes.collect())),
            ])
        });
        let bug =
            Value::Object(vec![("alias".into(), Value::Null), ("history".into(), Value::List(events.collect())), ("id".into(), self.id.into())]);
        Value::Object(vec![("bugs".into(), Value::List(vec![bug]))])
    }
}

fn id_of(dice: Dice, number: u64) -> u64 {
    FIRST_ID + number * STEP + dice.below("gap", STEP)
}

fn count(today: Today<'_>) -> u64 {
    appeared(today.day, today.world.scale.bugs, today.world.scale.bugs_weekly)
}
