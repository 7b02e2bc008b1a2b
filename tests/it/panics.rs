//! A handler that panics. No route of the store has one to offer, so this is a server of the test's
//! own behind the outermost middleware of every listener.

use crate::app::Combination;
use crate::cases;
use crate::client::Client;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, HttpServer, rt, web};
use chronos::kernel::http::{catch_panics, request_context};
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::thread;

cases![Once: a_panic_is_500_and_takes_no_other_request_with_it];

/// F20: on one worker, whose other requests go on.
fn a_panic_is_500_and_takes_no_other_request_with_it(_: &Combination) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("bound"));
    let (sender, started) = channel();
    let serving = thread::spawn(move || {
        rt::System::new().block_on(async move {
            let panicking = || async {
                match std::hint::black_box(true) {
                    true => panic!("the secret of the handler"),
                    false => HttpResponse::Ok().finish(),
                }
            };
            let server = HttpServer::new(move || {
                App::new()
                    .wrap(from_fn(catch_panics))
                    .wrap(from_fn(request_context))
                    .route("/panic", web::get().to(panicking))
                    .route("/well", web::get().to(|| async { HttpResponse::Ok().body("{}") }))
            });
            let server = server.workers(1).disable_signals().listen(listener).expect("it listens");
            let server = server.run();
            sender.send(server.handle()).expect("the test waits");
            server.await
        })
    });
    let server = started.recv().expect("it starts");
    let client = Client::new();
    for _ in 0..3 {
        let answer = client.send("GET", &format!("{base}/panic"), &[], None);
        let answer = answer.expect_failure(500, "Internal Server Error");
        assert!(!answer.text.contains("secret"), "{}", answer.text);
        client.send("GET", &format!("{base}/well"), &[], None).expect(200);
    }
    drop(client);
    rt::System::new().block_on(server.stop(false));
    serving.join().expect("it ends").expect("without an error");
}
