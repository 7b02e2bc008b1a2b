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
    use super::{FromSql, Json, JsonObject, Output, ToSql, deserialize, serialize};
    use diesel::sqlite::{Sqlite, SqliteValue};

    impl FromSql<Json, Sqlite> for JsonObject {
        fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
            Ok(JsonObject(serde_json::from_str(value.read_text())?))
        }
    }

    impl ToSql<Json, Sqlite> for JsonObject {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
            out.set_value(serde_json::to_string(&self.0)?);
            Ok(serialize::IsNull::No)
        }
    }
}
