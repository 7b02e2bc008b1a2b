//! `GET /docs/errors/{CODE}`, on every listener: what a code means and what to do, for whoever follows
//! the `type` of a failure. The pages are the sections of docs/ERRORS.md.

use super::accept::{accept_of, wish_for};
use super::{Code, Failure, not_found};
use actix_web::http::header::{CACHE_CONTROL, ContentType, VARY};
use actix_web::{HttpRequest, HttpResponse, web};
use std::fmt::Write;

const PAGE: &str = include_str!("../../../docs/ERRORS.md");

/// How a section begins; a code in backquotes and the end of the line follow.
const HEADING: &str = "\n### ";

/// Registers the pages.
pub fn error_pages(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/docs/errors")
                .route(web::get().to(show_all))
                .route(web::head().to(show_all)),
        )
        .service(
            web::resource("/docs/errors/{code}")
                .route(web::get().to(show_one))
                .route(web::head().to(show_one)),
        );
}

/// Where the page of a code is: the `type` of its failures.
pub(super) fn page_of(code: Code) -> String {
    format!("/docs/errors/{}", code.as_str())
}

async fn show_all(request: HttpRequest) -> HttpResponse {
    respond(&request, "The errors of Chronos", PAGE)
}

async fn show_one(request: HttpRequest, code: web::Path<String>) -> Result<HttpResponse, Failure> {
    match section(&code) {
        Some(text) => Ok(respond(&request, &code, text)),
        None => not_found(request).await,
    }
}

/// The section of a code, with its heading.
fn section(code: &str) -> Option<&'static str> {
    let is_code = Code::ALL.iter().any(|known| known.as_str() == code);
    let (_, behind) = PAGE.split_once(&format!("{HEADING}`{code}`\n")).filter(|_| is_code)?;
    // The heading is shown, too.
    let start = PAGE.len() - behind.len() - code.len() - "### ``\n".len();
    let text = &PAGE[start..];
    let end = text[1..].find("\n#").map_or(text.len(), |end| end + 2);
    Some(&text[..end])
}

/// HTML for browsers; the text as it stands for whoever would not rather have it.
fn respond(request: &HttpRequest, title: &str, text: &str) -> HttpResponse {
    let accept = accept_of(request.headers());
    let wants_html = wish_for("text/html", &accept) > wish_for("text/plain", &accept);
    let mut response = HttpResponse::Ok();
    response.insert_header((VARY, "Accept"));
    // The pages change with the program alone.
    response.insert_header((CACHE_CONTROL, "public, max-age=3600"));
    if wants_html {
        response.insert_header(ContentType::html());
        response.body(to_html(title, text))
    } else {
        response.insert_header(ContentType::plaintext());
        response.body(text.to_owned())
    }
}

/// The little of Markdown that the pages have: headings, paragraphs, lists, and words in backquotes.
fn to_html(title: &str, text: &str) -> String {
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>\n</head>\n\
         <body>\n<main>\n",
        escaped(title)
    );
    // Whatever the page is cut out of, its first heading is its title.
    let marks_of = |block: &str| block.bytes().take_while(|byte| *byte == b'#').count();
    let top = marks_of(text);
    for block in text.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
        let marks = marks_of(block);
        let _infallible = match (marks + 1).saturating_sub(top) {
            level @ 1..=6 if marks > 0 => {
                writeln!(html, "<h{level}>{}</h{level}>", inline(block[marks..].trim_start()))
            }
            _ if block.starts_with("- ") => {
                let items = format!("\n{block}").replace("\n  ", " ");
                let items = items.split("\n- ").skip(1).map(inline);
                let items: String = items.map(|item| format!("<li>{item}</li>\n")).collect();
                writeln!(html, "<ul>\n{items}</ul>")
            }
            _ => writeln!(html, "<p>{}</p>", inline(block)),
        };
    }
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

/// Each second part between backquotes is code.
fn inline(text: &str) -> String {
    let parts = escaped(text);
    let parts = parts.split('`').enumerate();
    let marked = parts.map(|(index, part)| match index % 2 {
        1 => format!("<code>{part}</code>"),
        _ => part.to_owned(),
    });
    marked.collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::{section, to_html};
    use crate::kernel::http::Code;

    #[test]
    fn each_code_has_a_section_that_ends_before_the_next() {
        for code in Code::ALL {
            let text = section(code.as_str()).expect("a section");
            assert!(text.starts_with(&format!("### `{}`\n", code.as_str())), "{text}");
            assert_eq!(text.matches("### ").count(), 1, "{text}");
        }
        assert_eq!(section("NO_SUCH_CODE"), None);
        assert_eq!(section(""), None);
    }

    #[test]
    fn a_page_is_well_formed() {
        let html = to_html("A & B", "### `A`\n\nSee <b> & `x < 1`.\n\n- one\n  more\n- `two`\n");
        assert!(html.contains("<title>A &amp; B</title>"), "{html}");
        assert!(html.contains("<h1><code>A</code></h1>"), "{html}");
        assert!(html.contains("<p>See &lt;b&gt; &amp; <code>x &lt; 1</code>.</p>"), "{html}");
        assert!(html.contains("<ul>\n<li>one more</li>\n<li><code>two</code></li>"), "{html}");
    }
}
