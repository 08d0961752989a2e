use std::collections::BTreeSet;

use super::*;

fn parsed(parts: &[Part]) -> Value {
    serde_json::from_slice(&document(parts)).unwrap()
}

#[test]
fn a_port_has_its_own_paths_and_no_others() {
    for (parts, has, has_not) in [
        (&[Part::Tfs][..], "/v1/models/{model}/metadata", "/v2"),
        (&[Part::Oip], "/v2/models/{model}/infer", "/v1/models"),
        (&[Part::Kserve, Part::Oip], "/v1/models", "/v1/models/{model}/metadata"),
    ] {
        let document = parsed(parts);
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.contains_key(has) && paths.contains_key("/readyz"), "{parts:?}");
        assert!(!paths.contains_key(has_not), "{parts:?}");
    }
    let both = parsed(&[Part::Kserve, Part::Oip]);
    assert!(both["paths"]["/v2/models/{model}/infer"]["post"].is_object());
}

#[test]
fn operations_have_names_of_their_own_and_schemas_that_exist() {
    let schemas = all_schemas();
    for parts in [&[Part::Tfs][..], &[Part::Kserve, Part::Oip, Part::Admin, Part::Language]] {
        let mut names = BTreeSet::new();
        let document = parsed(parts);
        for operation in parts.iter().flat_map(|part| part.operations()).chain(tables::COMMON) {
            let described = &document["paths"][operation.path][operation.method];
            assert!(names.insert(described["operationId"].to_string()), "{described}");
            if let Some(body) = operation.body {
                assert!(schemas[body].is_object(), "{body}");
            }
        }
    }
}

#[test]
fn references_lead_somewhere() {
    let text = all_schemas().to_string();
    for after in text.split("#/components/schemas/").skip(1) {
        let name = after.split('"').next().unwrap();
        assert!(all_schemas()[name].is_object(), "{name}");
    }
}

#[test]
fn what_stands_in_braces_is_a_parameter() {
    let document = parsed(&[Part::Oip]);
    let ready = &document["paths"]["/v2/models/{model}/versions/{version}/ready"]["get"];
    let names: Vec<&str> =
        ready["parameters"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["model", "version"]);
    assert_eq!(ready["operationId"], "get_v2_models_model_versions_version_ready");
    assert!(ready["responses"]["503"].is_object() && ready["responses"]["200"].is_object());
}
