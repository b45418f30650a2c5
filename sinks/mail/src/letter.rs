//! A report as a message: headers, text, HTML, picture and workbook. Pure.

use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};
use sink_workbook::{Digest, Subject, file_name};

use crate::html::{PICTURE_ID, html};
use crate::page::{Besides, Page, content, hex};
use crate::picture::{Curve, png};
use crate::schedule::period;
use crate::text::text;
use crate::{Config, Kind, MailError};

/// The most bytes of HTML: a large mailbox cuts what has more than 102 KB.
const HTML_MAX: usize = 100_000;

/// What a workbook is for mail programs.
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Which attempt a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    /// Its number, from 1 on.
    pub number: i64,
    /// Whether an earlier one may have arrived.
    pub may_repeat: bool,
}

/// What a message is made of.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The figures, and whose they are.
    pub digest: &'a Digest,
    /// The workbook's file.
    pub workbook: &'a [u8],
    /// Who gets it.
    pub recipient: &'a Address,
    /// When it was due.
    pub slot_ms: i64,
    /// Which attempt it is.
    pub attempt: Attempt,
    /// The id of an earlier attempt, without angle brackets; empty before the first.
    pub message_id: &'a str,
}

/// A message, ready to be handed over.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Its id, without angle brackets.
    pub message_id: String,
    /// A hash of the figures that it tells.
    pub content: String,
    /// Whom the server is told that it is from.
    pub from: Address,
    /// Where it goes: the recipient, or where all is redirected to.
    pub to: Address,
    /// The message as it travels.
    pub bytes: Vec<u8>,
    /// Its HTML, whose picture is a part of the message.
    pub html: String,
    /// Its text.
    pub text: String,
    /// Its picture, a PNG file.
    pub picture: Vec<u8>,
}

impl Letter {
    /// Writes a message; a workbook of more than `attach_max` bytes is not attached.
    ///
    /// # Errors
    /// When an address or a name makes no message, which the configuration rules out.
    pub fn write(
        config: &Config,
        report: &Report<'_>,
        attach_max: usize,
    ) -> Result<Self, MailError> {
        let digest = report.digest;
        let is_attached = report.workbook.len() <= attach_max.min(config.attach_max_bytes);
        let to = config.redirect_all_to.as_ref().unwrap_or(report.recipient);
        let besides = Besides {
            redirected_from: (to != report.recipient).then(|| report.recipient.to_string()),
            workbook: workbook_words(config, report, is_attached),
            attempt: report.attempt,
            unsubscribe: config.unsubscribe.clone(),
        };
        let page = Page::of(digest, &besides);
        let curve = Curve { at_ms: digest.at_ms, score: digest.score, weeks: &digest.weeks };
        let picture = png(&curve);
        let (html, text) = (bounded_html(page.clone()), text(&page));
        let content = content(digest);
        let message_id = match report.message_id {
            "" => message_id(config, report, &content),
            known => known.to_owned(),
        };
        let body = Parts { message_id: &message_id, html: &html, text: &text, picture: &picture };
        let mixed = body.with(is_attached.then_some((&digest.subject, report.workbook)));
        let message = headers(config, report, &page.subject, to, &message_id).multipart(mixed)?;
        let bytes = message.formatted();
        let (from, to) = (config.from.email.clone(), to.clone());
        Ok(Self { message_id, content, from, to, bytes, html, text, picture })
    }
}

/// The parts that every message has.
struct Parts<'a> {
    message_id: &'a str,
    html: &'a str,
    text: &'a str,
    picture: &'a [u8],
}

impl Parts<'_> {
    fn with(&self, workbook: Option<(&Subject, &[u8])>) -> MultiPart {
        let kind = |text: &str| ContentType::parse(text).expect("a type of content");
        let picture = Attachment::new_inline(PICTURE_ID.to_owned());
        let related = MultiPart::related()
            .boundary(self.boundary("related"))
            .singlepart(SinglePart::html(self.html.to_owned()))
            .singlepart(picture.body(self.picture.to_vec(), kind("image/png")));
        let alternative = MultiPart::alternative()
            .boundary(self.boundary("alternative"))
            .singlepart(SinglePart::plain(self.text.to_owned()))
            .multipart(related);
        let mixed = MultiPart::mixed().boundary(self.boundary("mixed")).multipart(alternative);
        match workbook {
            None => mixed,
            Some((subject, file)) => {
                let attachment = Attachment::new(file_name(subject));
                mixed.singlepart(attachment.body(file.to_vec(), kind(XLSX)))
            }
        }
    }

    /// Gives a line that parts: the same for the same message, and in no text.
    fn boundary(&self, kind: &str) -> String {
        format!("{kind}-{}", &hex(&Sha256::digest(self.message_id))[..32])
    }
}

fn bounded_html(mut page: Page) -> String {
    let picture = format!("cid:{PICTURE_ID}");
    let mut made = html(&page, &picture);
    while made.len() > HTML_MAX && page.sections.iter().any(|section| section.rows.len() > 1) {
        page.halve();
        made = html(&page, &picture);
    }
    made
}

fn headers(
    config: &Config,
    report: &Report<'_>,
    subject: &str,
    to: &Address,
    message_id: &str,
) -> lettre::message::MessageBuilder {
    let at = Duration::from_millis(u64::try_from(report.digest.at_ms).unwrap_or(0));
    let mut builder = Message::builder()
        .from(config.from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(subject)
        // The time of the figures, so that one report is the same message however late it goes.
        .date(SystemTime::UNIX_EPOCH + at)
        .message_id(Some(format!("<{message_id}>")))
        .raw_header(header("Auto-Submitted", "auto-generated"));
    if let Some(to) = &config.unsubscribe {
        let place = if to.parse::<Address>().is_ok() {
            format!("<mailto:{to}?subject=unsubscribe>")
        } else {
            format!("<{to}>")
        };
        builder = builder.raw_header(header("List-Unsubscribe", &place));
    }
    if report.attempt.may_repeat {
        let number = report.attempt.number.to_string();
        builder = builder.raw_header(header("X-Scorecard-Attempt", &number));
    }
    builder
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// Gives the id: it names the report and the period, and no address can be read from it.
fn message_id(config: &Config, report: &Report<'_>, content: &str) -> String {
    let kind = Kind::of(&report.digest.subject);
    let period = period(report.slot_ms);
    let whole = format!("{kind}/{}/{period}/{}/{content}", report.digest.subject, report.recipient);
    let hash = &hex(&Sha256::digest(whole))[..24];
    let period = period.replace([':', '-'], "");
    format!("scorecard.{kind}.{period}.{hash}@{}", config.from.email.domain())
}

fn workbook_words(config: &Config, report: &Report<'_>, is_attached: bool) -> String {
    let name = file_name(&report.digest.subject);
    let size = format!("has {:.1} MB, too much to attach", report.workbook.len() as f64 / 1e6);
    match &config.link {
        _ if is_attached => format!("The workbook is attached: {name}"),
        None => format!("The workbook {name} {size}: ask for it."),
        Some(page) if !page.contains("{file}") => {
            format!("The workbook {size}. The page has the same tables: {page}")
        }
        Some(link) => {
            let file = utf8_percent_encode(&name, NON_ALPHANUMERIC).to_string();
            format!("The workbook {size}: {}", link.replace("{file}", &file))
        }
    }
}

#[cfg(test)]
mod tests;
