//! OpenAPI 3.0 of a document that is 3.1, for generators of clients that cannot read the newer one.

use serde_json::{Map, Value, json};

/// The same document in the words of 3.0.3. What differs are the schemas, which 3.1 has from JSON
/// Schema 2020-12.
pub fn to_version_30(document: Value) -> Value {
    let mut document = rewritten(document);
    if let Some(root) = document.as_object_mut() {
        root.insert("openapi".to_owned(), "3.0.3".into());
        root.remove("jsonSchemaDialect");
    }
    document
}

fn rewritten(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(rewritten).collect(),
        Value::Object(members) => {
            let is_example =
                |name: &str| ["example", "examples", "enum", "default"].contains(&name);
            let each = members.into_iter().map(|(name, value)| {
                // An example is a value, and no schema, whatever its members are called.
                let value = if is_example(&name) { value } else { rewritten(value) };
                (name, value)
            });
            object(each.collect())
        }
        other => other,
    }
}

fn object(mut members: Map<String, Value>) -> Value {
    if let Some(Value::Array(types)) = members.get("type") {
        let named: Vec<Value> = types.iter().filter(|name| *name != "null").cloned().collect();
        if named.len() < types.len() {
            members.insert("nullable".to_owned(), true.into());
        }
        match <[Value; 1]>::try_from(named) {
            Ok([only]) => {
                members.insert("type".to_owned(), only);
            }
            // Several types are any of them, which 3.0 says in another way.
            Err(several) => {
                members.remove("type");
                let each = several.into_iter().map(|name| json!({ "type": name }));
                members.insert("anyOf".to_owned(), each.collect());
            }
        }
    }
    for union in ["oneOf", "anyOf"] {
        if let Some(Value::Array(schemas)) = members.get_mut(union) {
            let before = schemas.len();
            schemas.retain(|schema| schema["type"] != "null");
            if schemas.len() < before {
                members.insert("nullable".to_owned(), true.into());
            }
        }
    }
    if let Some(value) = members.remove("const") {
        members.insert("enum".to_owned(), json!([value]));
    }
    // Only `allOf` may stand beside something else.
    if members.len() > 1 && members.get("$ref").is_some_and(Value::is_string) {
        let reference = members.remove("$ref").unwrap_or_default();
        members.insert("allOf".to_owned(), json!([{ "$ref": reference }]));
    }
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::to_version_30;
    use serde_json::json;

    #[test]
    fn what_may_be_null_is_nullable() {
        let schemas = json!({ "openapi": "3.1.0", "a": { "type": ["string", "null"] },
            "b": { "oneOf": [{ "type": "null" }, { "$ref": "#/x" }] },
            "c": { "type": ["string", "number"] },
            "d": { "$ref": "#/x", "description": "y" },
            "example": { "type": ["kept", "null"] } });
        let expected = json!({ "openapi": "3.0.3", "a": { "type": "string", "nullable": true },
            "b": { "oneOf": [{ "$ref": "#/x" }], "nullable": true },
            "c": { "anyOf": [{ "type": "string" }, { "type": "number" }] },
            "d": { "allOf": [{ "$ref": "#/x" }], "description": "y" },
            "example": { "type": ["kept", "null"] } });
        assert_eq!(to_version_30(schemas), expected);
    }
}
