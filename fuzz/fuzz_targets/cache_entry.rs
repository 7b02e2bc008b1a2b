//! What lies in Redis: anything but a whole entry of this epoch is a miss.
#![no_main]

use chronos::kernel::cache::{Cacheable, decode_entry};
use chronos::product::Product;
use libfuzzer_sys::fuzz_target;

const EPOCH: &str = "0123456789abcdef";
const OTHER_EPOCH: &str = "fedcba9876543210";

fuzz_target!(|bytes: &[u8]| {
    assert!(decode_entry::<Product>(OTHER_EPOCH, bytes).is_none() || bytes[2] == b'f');
    let Some(product) = decode_entry::<Product>(EPOCH, bytes) else {
        return;
    };
    // The head is C1, the epoch, twenty digits and V; the rest is the row of that version.
    assert_eq!(&bytes[..18], format!("C1{EPOCH}").as_bytes());
    assert_eq!(std::str::from_utf8(&bytes[18..38]).expect("digits").parse(), Ok(product.version()));
    assert_eq!(bytes[38], b'V');
    assert!(bytes.len() <= 39 + 256 * 1024);
    // A hit is put back as the same row.
    let json = serde_json::to_string(&product).expect("a product is JSON");
    let head = format!("C1{EPOCH}{:020}V", product.version());
    assert_eq!(decode_entry::<Product>(EPOCH, format!("{head}{json}").as_bytes()), Some(product));
});
