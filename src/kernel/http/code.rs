//! The one list of what can be refused or fail: every code of the API, with its status and sentence.
//!
//! docs/API.md and docs/ERRORS.md have the same list for people; tests compare them.

use actix_web::http::StatusCode;

/// Declares [`Code`] from one line per code.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $status:ident, $sentence:literal;)+) => {
        /// What went wrong, as programs read it: the member `code` of a failure.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code {
            $($(#[$doc])* $variant,)+
        }

        impl Code {
            /// Every code, by status.
            pub const ALL: &[Code] = &[$(Code::$variant),+];

            /// As it stands on the wire: `INSUFFICIENT_STOCK`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Code::$variant => $text,)+
                }
            }

            pub const fn status(self) -> StatusCode {
                match self {
                    $(Code::$variant => StatusCode::$status,)+
                }
            }

            /// The member `error` that goes with the code.
            pub const fn sentence(self) -> &'static str {
                match self {
                    $(Code::$variant => $sentence,)+
                }
            }
        }
    };
}

codes! {
    BadRequest = "BAD_REQUEST", BAD_REQUEST, "Bad Request";
    InvalidPath = "INVALID_PATH", BAD_REQUEST, "Invalid path";
    InvalidBody = "INVALID_BODY", BAD_REQUEST, "Invalid request body";
    ValidationFailed = "VALIDATION_FAILED", BAD_REQUEST, "Invalid request";
    CursorMismatch = "CURSOR_MISMATCH", BAD_REQUEST, "This cursor belongs to another list";
    MissingFields = "MISSING_FIELDS", BAD_REQUEST, "Missing required fields";
    NoFields = "NO_FIELDS", BAD_REQUEST, "No fields to update";
    InvalidQuantity = "INVALID_QUANTITY", BAD_REQUEST, "Quantity must be a positive number";
    InsufficientStock = "INSUFFICIENT_STOCK", BAD_REQUEST, "Insufficient stock";
    CostTooLarge = "COST_TOO_LARGE", BAD_REQUEST, "Total cost is too large";
    AmountTooLarge = "AMOUNT_TOO_LARGE", BAD_REQUEST, "The amounts are too large";
    IdempotencyKeyRequired = "IDEMPOTENCY_KEY_REQUIRED", BAD_REQUEST,
        "This request needs an Idempotency-Key";
    /// Stands for every status from 400 to 499 that has no code of its own.
    RequestRefused = "REQUEST_REFUSED", BAD_REQUEST, "Request Refused";
    Unauthorized = "UNAUTHORIZED", UNAUTHORIZED, "Unauthorized";
    Forbidden = "FORBIDDEN", FORBIDDEN, "Forbidden";
    NotFound = "NOT_FOUND", NOT_FOUND, "Not Found";
    ProductNotFound = "PRODUCT_NOT_FOUND", NOT_FOUND, "Product not found";
    CustomerNotFound = "CUSTOMER_NOT_FOUND", NOT_FOUND, "Customer not found";
    HoldNotFound = "HOLD_NOT_FOUND", NOT_FOUND, "Hold not found";
    OrderNotFound = "ORDER_NOT_FOUND", NOT_FOUND, "Order not found";
    MethodNotAllowed = "METHOD_NOT_ALLOWED", METHOD_NOT_ALLOWED, "Method Not Allowed";
    RequestTimeout = "REQUEST_TIMEOUT", REQUEST_TIMEOUT, "Request Timeout";
    IdempotencyKeyInUse = "IDEMPOTENCY_KEY_IN_USE", CONFLICT,
        "A request with this Idempotency-Key is still under way";
    ProductExists = "PRODUCT_EXISTS", CONFLICT, "Product with this ID already exists";
    ProductReserved = "PRODUCT_RESERVED", CONFLICT, "Pieces of this product are reserved";
    OutOfStock = "OUT_OF_STOCK", CONFLICT, "Not enough in stock";
    BelowReserved = "BELOW_RESERVED", CONFLICT, "Fewer pieces would be left than are reserved";
    HoldExpired = "HOLD_EXPIRED", CONFLICT, "This hold has ended";
    HoldNotOpen = "HOLD_NOT_OPEN", CONFLICT, "This hold is not open";
    OrderExists = "ORDER_EXISTS", CONFLICT, "This customer has an order with this reference";
    OrderState = "ORDER_STATE", CONFLICT, "This cannot happen to the order as it is";
    PriceChanged = "PRICE_CHANGED", CONFLICT, "The order comes to another total";
    QuoteExpired = "QUOTE_EXPIRED", CONFLICT, "This quote has ended";
    PaymentExceedsDue = "PAYMENT_EXCEEDS_DUE", CONFLICT, "Less is due";
    PaymentExists = "PAYMENT_EXISTS", CONFLICT, "This payment was written down before";
    RefundExceedsPaid = "REFUND_EXCEEDS_PAID", CONFLICT, "Less can be refunded";
    QuantityExceedsOpen = "QUANTITY_EXCEEDS_OPEN", CONFLICT, "This line has fewer such pieces";
    SerialSold = "SERIAL_SOLD", CONFLICT, "A piece with this serial number has left already";
    OrderUnpaid = "ORDER_UNPAID", CONFLICT, "The order is not paid";
    CustomerExists = "CUSTOMER_EXISTS", CONFLICT, "Customer with this ID or email already exists";
    EmailInUse = "EMAIL_IN_USE", CONFLICT, "Email already in use";
    CustomerHasOrders = "CUSTOMER_HAS_ORDERS", CONFLICT,
        "Cannot delete customer with existing orders";
    VersionMismatch = "VERSION_MISMATCH", PRECONDITION_FAILED,
        "The resource has changed since it was read";
    PayloadTooLarge = "PAYLOAD_TOO_LARGE", PAYLOAD_TOO_LARGE, "Payload Too Large";
    UriTooLong = "URI_TOO_LONG", URI_TOO_LONG, "URI Too Long";
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", UNSUPPORTED_MEDIA_TYPE,
        "Unsupported Media Type";
    MisdirectedRequest = "MISDIRECTED_REQUEST", MISDIRECTED_REQUEST, "Misdirected Request";
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED", UNPROCESSABLE_ENTITY,
        "This Idempotency-Key was used for another request";
    RateLimited = "RATE_LIMITED", TOO_MANY_REQUESTS, "Too Many Requests";
    HeadersTooLarge = "HEADERS_TOO_LARGE", REQUEST_HEADER_FIELDS_TOO_LARGE,
        "Request Header Fields Too Large";
    /// Stands for every status from 500 that has no code of its own.
    InternalError = "INTERNAL_ERROR", INTERNAL_SERVER_ERROR, "Internal Server Error";
    UpstreamUnavailable = "UPSTREAM_UNAVAILABLE", BAD_GATEWAY, "Bad Gateway";
    ServiceUnavailable = "SERVICE_UNAVAILABLE", SERVICE_UNAVAILABLE,
        "Service temporarily unavailable";
    UpstreamTimeout = "UPSTREAM_TIMEOUT", GATEWAY_TIMEOUT, "Gateway Timeout";
}

impl Code {
    /// The code of a bare status, as the layers of actix answer and servers between a gateway and its
    /// service.
    pub fn of_status(status: StatusCode) -> Code {
        match status {
            StatusCode::BAD_REQUEST => Code::BadRequest,
            StatusCode::UNAUTHORIZED => Code::Unauthorized,
            StatusCode::NOT_FOUND => Code::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
            StatusCode::REQUEST_TIMEOUT => Code::RequestTimeout,
            StatusCode::PAYLOAD_TOO_LARGE => Code::PayloadTooLarge,
            StatusCode::URI_TOO_LONG => Code::UriTooLong,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Code::HeadersTooLarge,
            StatusCode::MISDIRECTED_REQUEST => Code::MisdirectedRequest,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
            StatusCode::SERVICE_UNAVAILABLE => Code::ServiceUnavailable,
            status if status.is_client_error() => Code::RequestRefused,
            _ => Code::InternalError,
        }
    }
}
