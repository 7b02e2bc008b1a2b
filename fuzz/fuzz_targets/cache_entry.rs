//! What lies in Redis: anything but a whole entry of this epoch is a miss.
#![no_main]

use chronos::kernel::cache::decode_entry;
use chronos::product::Product;
use libfuzzer_sys::fuzz_target;

const EPOCH: &str = "0123456789abcdef0123456789abcdef";
const OTHER_EPOCH: &str = "fedcba9876543210fedcba9876543210";

fuzz_target!(|bytes: &[u8]| {
    assert!(decode_entry::<Product>(OTHER_EPOCH, bytes).is_none() || bytes[2] == b'f');
    let Some(product) = decode_entry::<Product>(EPOCH, bytes) else {
        return;
    };
    // The head is C2, the epoch and V; the rest is the row.
    let head = format!("C2{EPOCH}V");
    assert_eq!(&bytes[..35], head.as_bytes());
    assert!(bytes.len() <= 35 + 256 * 1024);
    // A hit is put back as the same row.
    let json = serde_json::to_string(&product).expect("a product is JSON");
    assert_eq!(decode_entry::<Product>(EPOCH, format!("{head}{json}").as_bytes()), Some(product));
});
