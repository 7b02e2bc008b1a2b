//! A JSON object in a column: JSONB in PostgreSQL, TEXT in SQLite.

use super::MultiBackend;
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{HasSqlType, SqlType};
use serde_json::{Map, Value};

/// The SQL type of the column.
#[derive(Debug, Clone, Copy, SqlType, diesel::query_builder::QueryId)]
#[cfg_attr(feature = "postgres", diesel(postgres_type(name = "jsonb")))]
#[cfg_attr(feature = "sqlite", diesel(sqlite_type(name = "Text")))]
pub struct Json;

/// The object itself.
#[derive(Debug, Clone, PartialEq, FromSqlRow, AsExpression)]
#[diesel(sql_type = Json)]
pub struct JsonObject(pub Map<String, Value>);

impl HasSqlType<Json> for MultiBackend {
    fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
        MultiBackend::lookup_sql_type::<Json>(lookup)
    }
}

impl FromSql<Json, MultiBackend> for JsonObject {
    fn from_sql(value: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        value.from_sql::<JsonObject, Json>()
    }
}

impl ToSql<Json, MultiBackend> for JsonObject {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((Json, self));
        Ok(serialize::IsNull::No)
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use super::{FromSql, Json, JsonObject, Output, ToSql, deserialize, serialize};
    use diesel::pg::{Pg, PgValue};
    use std::io::Write;

    /// JSONB travels as this byte, then the text.
    const JSONB_VERSION: u8 = 1;

    impl FromSql<Json, Pg> for JsonObject {
        fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
            match value.as_bytes().split_first() {
                Some((&JSONB_VERSION, text)) => Ok(JsonObject(serde_json::from_slice(text)?)),
                _ => Err("unknown JSONB format".into()),
            }
        }
    }

    impl ToSql<Json, Pg> for JsonObject {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
            out.write_all(&[JSONB_VERSION])?;
            serde_json::to_writer(out, &self.0)?;
            Ok(serialize::IsNull::No)
        }
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use super::{FromSql, Json, JsonObject, Map, Output, ToSql, Value, deserialize, serialize};
    use diesel::sqlite::{Sqlite, SqliteValue};
    use serde_json::Number;

    impl FromSql<Json, Sqlite> for JsonObject {
        fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
            Ok(JsonObject(serde_json::from_str(value.read_text())?))
        }
    }

    impl ToSql<Json, Sqlite> for JsonObject {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
            out.set_value(serde_json::to_string(&members_as_jsonb(&self.0))?);
            Ok(serialize::IsNull::No)
        }
    }

    /// The members as JSONB would give them back, so that both databases answer alike: it writes
    /// numbers without exponents, and knows no negative zero.
    fn members_as_jsonb(members: &Map<String, Value>) -> Map<String, Value> {
        members.iter().map(|(name, value)| (name.clone(), as_jsonb(value))).collect()
    }

    fn as_jsonb(value: &Value) -> Value {
        match value {
            Value::Array(items) => Value::Array(items.iter().map(as_jsonb).collect()),
            Value::Object(members) => Value::Object(members_as_jsonb(members)),
            Value::Number(number) => Value::Number(number_as_jsonb(number)),
            Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
        }
    }

    fn number_as_jsonb(number: &Number) -> Number {
        /// From here on, serde_json writes whole floats with an exponent.
        const EXPONENT_FROM: f64 = 1e16;
        match number.as_f64() {
            Some(float) if number.is_f64() && float == 0.0 => Number::from_f64(0.0),
            Some(float) if number.is_f64() && float.abs() >= EXPONENT_FROM => {
                // Its digits, which fit 64 bits or are read back as the same float.
                format!("{float:.0}").parse().ok()
            }
            _ => None,
        }
        .unwrap_or_else(|| number.clone())
    }
}
