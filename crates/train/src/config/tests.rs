use std::path::Path;

use adder_network::HeadKind;

use super::*;

const SEED: &str = "a whole number from 0 to 18446744073709551615";

fn error_of(assignments: &[&str]) -> ConfigError {
    let mut sources = ConfigSources::default();
    let added: Result<(), _> =
        assignments.iter().try_for_each(|assignment| sources.add_assignment(assignment));
    added.and_then(|()| sources.resolve()).unwrap_err()
}

fn file_with(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn the_default_is_the_recipe_notebook_and_the_recipe_says_all_of_it() {
    let mut sources = ConfigSources::default();
    sources.add_recipe("notebook").unwrap();
    assert_eq!(sources.resolve().unwrap(), Config::default());
    let table: toml::Table = Recipe::find("notebook").unwrap().toml.parse().unwrap();
    let mut said = Vec::new();
    collect_keys("", &table, &mut said);
    let mut keys = Config::keys();
    // Layers take the place of the keys beside them.
    keys.retain(|key| key != "model.layers");
    keys.sort();
    said.sort();
    assert_eq!(said, keys);
}

#[test]
fn every_recipe_says_its_command_accuracy_and_time() {
    for recipe in Recipe::ALL {
        for expected in
            [format!("cargo xtask train --recipe {}", recipe.name), "Expected".into(), "Time".into()]
        {
            assert!(recipe.toml.contains(&expected), "{}: {expected}", recipe.name);
        }
        let mut sources = ConfigSources::default();
        sources.add_recipe(recipe.name).unwrap();
        sources.resolve().unwrap();
    }
}

#[test]
fn a_saved_configuration_comes_back_as_it_was() {
    let mut sources = ConfigSources::default();
    for assignment in [
        "seed=9223372036854775807",
        "optimizer.learning_rate=0.123456789012345",
        "model.dropout=0.3",
        "model.channels=[4, 4]",
        "model.pool_after=[1]",
        "model.unpadded=[]",
        "model.dropout_free=[]",
        "data.source=some \"folder\"",
        "training.evaluate=best",
    ] {
        sources.add_assignment(assignment).unwrap();
    }
    let config = sources.resolve().unwrap();
    assert_eq!((config.model.dropout, &config.model.channels[..]), (0.3, &[4, 4][..]));
    let (_folder, path) = file_with(&config.to_toml());
    let mut saved = ConfigSources::default();
    saved.add_file(&path).unwrap();
    assert_eq!(saved.resolve().unwrap(), config);
}

#[test]
fn every_seed_of_64_bits_is_taken_and_comes_back() {
    let largest = [0, 1, (1 << 53) + 1, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX];
    for seed in largest {
        let mut sources = ConfigSources::default();
        sources.add_assignment(&format!("seed={seed}")).unwrap();
        let config = sources.resolve().unwrap();
        assert_eq!(config.seed, seed);
        sources.add_flag("--seed", "seed", whole_number(seed));
        assert_eq!(sources.resolve().unwrap(), config);
        let mut saved = ConfigSources::default();
        saved.add_toml(Origin::Default, &config.to_toml()).unwrap();
        assert_eq!(saved.resolve().unwrap(), config);
        // In JSON it is a number.
        let json = serde_json::to_string(&config).unwrap();
        assert!(json.starts_with(&format!("{{\"seed\":{seed},")), "{json}");
        assert_eq!(serde_json::from_str::<Config>(&json).unwrap(), config);
    }
    // A TOML file that has it without quotes says what it takes.
    let mut sources = ConfigSources::default();
    let refused = sources.add_toml(Origin::Default, "\nseed = 18446744073709551616").unwrap_err().to_string();
    let expected = "default configuration: line 2, column 8: expected a whole number up to 9223372036854775807, or a seed in \
                    quotes up to 18446744073709551615, found 18446744073709551616";
    assert_eq!(refused, expected);
}

#[test]
fn the_place_of_the_images_is_all_that_may_differ() {
    let here = Config::default();
    let mut there = here.clone();
    there.data.source = "elsewhere".parse().unwrap();
    assert!(here != there && here.equals_but_for_place(&there) && there.equals_but_for_place(&here));
    there.data.limit = 7;
    assert!(!here.equals_but_for_place(&there));
}

#[test]
fn the_later_source_counts() {
    let (_folder, path) = file_with("seed = 7\n[training]\nepochs = 3\nbatch_size = 64\n");
    let mut sources = ConfigSources::default();
    sources.add_recipe("notebook").unwrap();
    sources.add_file(&path).unwrap();
    sources.add_assignment("training.epochs=4").unwrap();
    sources.add_assignment("training.batch_size = 32").unwrap();
    sources.add_flag("--epochs", "training.epochs", 5);
    let config = sources.resolve().unwrap();
    assert_eq!((config.seed, config.training.epochs, config.training.batch_size), (7, 5, 32));
    assert_eq!(sources.origins().count(), 5);
}

#[test]
fn unknown_keys_name_their_origin_and_the_right_key() {
    for (assignment, wrong, right) in [
        ("optimizer.momentun=0.9", "optimizer.momentun", Some("optimizer.momentum")),
        ("optimiser.momentum=0.9", "optimiser", Some("optimizer")),
        ("epochs=3", "epochs", Some("training.epochs")),
        ("model.chanels=[8]", "model.chanels", Some("model.channels")),
        ("colour=\"blue\"", "colour", None),
    ] {
        match error_of(&["seed=3", assignment]) {
            ConfigError::UnknownKey { origin, key, suggestion, .. } => {
                assert_eq!(origin, Origin::Assignment(assignment.into()));
                assert_eq!((key.as_str(), suggestion.as_deref()), (wrong, right));
            }
            other => panic!("{assignment}: {other:?}"),
        }
    }
    let message = error_of(&["optimizer.momentun=0.9"]).to_string();
    assert_eq!(
        message,
        "--set optimizer.momentun=0.9: unknown key `optimizer.momentun`; did you mean `optimizer.momentum`?"
    );
    let message = error_of(&["schedule.xyzzyxyzzy=1"]).to_string();
    let known = "kind, warmup, warmup_from, final_factor, step_epochs, step_factor, momentum_range";
    let expected =
        format!("--set schedule.xyzzyxyzzy=1: unknown key `schedule.xyzzyxyzzy`; known are {known}");
    assert_eq!(message, expected);
}

#[test]
fn wrong_types_name_the_key_what_it_takes_and_what_it_was_given() {
    for (assignment, key, expected, found) in [
        ("optimizer.momentum=high", "optimizer.momentum", "a number", "\"high\""),
        ("optimizer.nesterov=1", "optimizer.nesterov", "true or false", "1"),
        ("training.epochs=2.5", "training.epochs", "a whole number, zero or more", "2.5"),
        ("training.epochs=-1", "training.epochs", "a whole number, zero or more", "-1"),
        ("training=5", "training", "a table", "5"),
        ("training.evaluate=lats", "training.evaluate", "\"last\" or \"best\"", "\"lats\""),
        ("training.evaluate=1", "training.evaluate", "a word in quotes", "1"),
        ("model.channels=8", "model.channels", "an array", "8"),
        ("model.channels=[8, \"x\"]", "model.channels", "a whole number, zero or more", "\"x\""),
        ("seed=2026-01-31", "seed", SEED, "2026-01-31"),
        ("seed.x=1", "seed", SEED, "a table"),
        ("seed=-1", "seed", SEED, "-1"),
        ("seed=1.0", "seed", SEED, "1.0"),
        ("seed=18446744073709551616", "seed", SEED, "\"18446744073709551616\""),
        ("seed=\"7 \"", "seed", SEED, "\"7 \""),
    ] {
        match error_of(&[assignment]) {
            ConfigError::Value { origin: Origin::Assignment(_), key: k, expected: e, found: f } => {
                assert_eq!((k.as_str(), e.as_str(), f.as_str()), (key, expected, found), "{assignment}");
            }
            other => panic!("{assignment}: {other:?}"),
        }
    }
}

#[test]
fn values_out_of_range_name_their_key() {
    for (assignment, key) in [
        ("seed=-1", "seed"),
        ("training.epochs=0", "training.epochs"),
        ("training.batch_size=1", "training.batch_size"),
        ("training.batch_size=100000", "training.batch_size"),
        ("optimizer.learning_rate=0", "optimizer.learning_rate"),
        ("optimizer.learning_rate=nan", "optimizer.learning_rate"),
        ("optimizer.learning_rate=inf", "optimizer.learning_rate"),
        ("optimizer.momentum=1", "optimizer.momentum"),
        ("optimizer.weight_decay=-0.1", "optimizer.weight_decay"),
        ("model.dropout=1.0", "model.dropout"),
        ("model.hidden=0", "model.hidden"),
    ] {
        match error_of(&[assignment]) {
            ConfigError::Value { origin: Origin::Assignment(text), key: k, .. } => {
                assert_eq!((text.as_str(), k.as_str()), (assignment, key));
            }
            other => panic!("{assignment}: {other:?}"),
        }
    }
    let error = error_of(&["optimizer.momentum=0", "optimizer.nesterov=true"]);
    assert!(matches!(error, ConfigError::Value { key, .. } if key == "optimizer.nesterov"));
}

#[test]
fn the_blame_falls_on_the_source_that_counted() {
    let (_folder, path) = file_with("[training]\nepochs = 0\nbatch_size = 0\n");
    let mut sources = ConfigSources::default();
    sources.add_file(&path).unwrap();
    sources.add_flag("--epochs", "training.epochs", 2);
    match sources.resolve() {
        Err(ConfigError::Value { origin, key, .. }) => {
            assert_eq!((origin, key.as_str()), (Origin::File(path.clone()), "training.batch_size"));
        }
        other => panic!("{other:?}"),
    }
    sources.add_flag("--epochs", "training.epochs", 0);
    match sources.resolve() {
        Err(ConfigError::Value { origin, key, .. }) => {
            assert_eq!((origin, key.as_str()), (Origin::Flag("--epochs".into()), "training.epochs"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_configuration_is_refused() {
    let mut sources = ConfigSources::default();
    let missing = sources.add_file(Path::new("no/such/file.toml")).unwrap_err();
    assert!(missing.to_string().starts_with("no/such/file.toml: cannot read"), "{missing}");
    let (_folder, path) = file_with("seed = = 3\n");
    let malformed = sources.add_file(&path).unwrap_err();
    assert!(matches!(&malformed, ConfigError::Syntax { origin: Origin::File(p), .. } if *p == path));
    assert!(malformed.to_string().contains("line 1"), "{malformed}");
    let others = [
        ("{\"training\": {\"epochs\": 3}}", "found JSON"),
        ("\u{feff}\n{ }", "found JSON"),
        ("# a run\ntraining:\n  epochs: 3\n", "found YAML"),
        ("---\nseed: 3\n", "found YAML"),
    ];
    for (text, words) in others {
        let (_folder, path) = file_with(text);
        let said = sources.add_file(&path).unwrap_err().to_string();
        assert!(
            said.contains("expected TOML, such as `[training]`") && said.contains(words),
            "{text}: {said}"
        );
    }
    for text in ["seed = = 3", "\"a:b\" = = 1", "time = 07:", "[training\nepochs: 3"] {
        let (_folder, path) = file_with(text);
        let said = sources.add_file(&path).unwrap_err().to_string();
        assert!(said.contains("line 1"), "{text}: {said}");
    }
    for text in ["seed", "=3", "a..b=1", ".a=1"] {
        assert!(matches!(sources.add_assignment(text), Err(ConfigError::Assignment { .. })), "{text}");
    }
    match sources.add_recipe("notebok") {
        Err(ConfigError::UnknownRecipe { suggestion, .. }) => {
            assert_eq!(suggestion.as_deref(), Some("notebook"))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_teacher_is_as_its_student_but_for_what_is_said_of_it() {
    let mut sources = ConfigSources::default();
    sources.add_recipe("default").unwrap();
    sources.add_assignment("distillation.teachers=3").unwrap();
    let student = sources.resolve().unwrap();
    let teacher = student.teacher(1);
    assert_eq!(teacher.model, student.model);
    assert_eq!((&teacher.training, &teacher.optimizer), (&student.training, &student.optimizer));
    assert_eq!(teacher.distillation.teachers, 0);
    // Their seeds are part of the format of a run.
    assert_eq!([1, 2].map(|number| student.teacher(number).seed), [8355610730822896152, 425324689195003133]);

    for assignment in [
        "distillation.teacher_epochs=7",
        "distillation.teacher_channels=[4, 4, 4, 4, 4, 4]",
        "distillation.teacher_embedding=6",
        "distillation.teacher_hidden=9",
    ] {
        sources.add_assignment(assignment).unwrap();
    }
    let teacher = sources.resolve().unwrap().teacher(3);
    assert_eq!((teacher.training.epochs, teacher.model.channels), (7, vec![4; 6]));
    assert_eq!((teacher.model.embedding, teacher.model.hidden), (6, 9));
}

#[test]
fn teachers_that_cannot_be_are_refused() {
    for (assignment, key) in [
        ("distillation.teachers=101", "distillation.teachers"),
        ("distillation.weight=1.5", "distillation.weight"),
        ("distillation.mixup=0.6", "distillation.mixup"),
        ("distillation.teacher_channels=[4, 4]", "distillation.teacher_channels"),
        ("distillation.teacher_channels=[4, 4, 4, 4, 4, 0]", "distillation.teacher_channels"),
        ("distillation.teacher_embedding=5000", "distillation.teacher_embedding"),
    ] {
        match error_of(&["distillation.teachers=1", assignment]) {
            ConfigError::Value { key: found, origin, .. } => {
                assert_eq!((found.as_str(), origin), (key, Origin::Assignment(assignment.into())));
            }
            other => panic!("{assignment}: {other:?}"),
        }
    }
}

#[test]
fn mixtures_take_no_part_of_a_label() {
    let half = "distillation.weight=0.5";
    let refused = error_of(&["distillation.mixup=0.2", half]).to_string();
    assert!(refused.contains("distillation.mixup") && refused.contains("distillation.weight"), "{refused}");
    for fine in [["distillation.mixup=0", half], ["distillation.mixup=0.2", "distillation.weight=1"]] {
        let mut sources = ConfigSources::default();
        fine.iter().for_each(|assignment| sources.add_assignment(assignment).unwrap());
        sources.resolve().unwrap();
    }
}

#[test]
fn keys_of_before_their_renaming_are_still_read() {
    let old = "[training]\naverage_decay = 0.875\n[distillation]\nteachers = 1\nconsistent = true\n";
    let (_folder, path) = file_with(old);
    let mut sources = ConfigSources::default();
    sources.add_recipe("default").unwrap();
    sources.add_file(&path).unwrap();
    let config = sources.resolve().unwrap();
    assert_eq!((config.training.ema_decay, config.distillation.marginalize), (0.875, true));
    sources.add_assignment("training.average_decay=0.25").unwrap();
    assert_eq!(sources.resolve().unwrap().training.ema_decay, 0.25);
    let refused = error_of(&["training.average_decay=2"]).to_string();
    assert!(refused.contains("training.ema_decay: expected"), "{refused}");
    // As a sweep's journal holds it.
    let json = serde_json::to_string(&config).unwrap();
    let json = json.replace("ema_decay", "average_decay").replace("marginalize", "consistent");
    assert_eq!(serde_json::from_str::<Config>(&json).unwrap(), config);
}

#[test]
fn layers_take_the_place_of_weaker_keys_and_refuse_stronger_ones() {
    const LAYERS: &str = r#"[{ kind = "flatten" }, { kind = "one_hot", input = "addend", classes = 10 }]"#;
    let sources = |assignments: &[&str]| -> Result<Config, ConfigError> {
        let mut sources = ConfigSources::default();
        sources.add_recipe("accurate")?;
        sources.add_assignment("distillation.teacher_channels=[]")?;
        sources.add_assignment("distillation.teacher_embedding=0")?;
        sources.add_assignment("distillation.teacher_hidden=0")?;
        for assignment in assignments {
            sources.add_assignment(assignment)?;
        }
        sources.resolve()
    };
    let layers = format!("model.layers={LAYERS}");
    let config = sources(&["model.dropout=0.5", &layers]).unwrap();
    assert_eq!((config.model.layers.len(), config.model.dropout), (2, 0.1));
    // What is saved reads the same.
    let mut saved = ConfigSources::default();
    saved.add_toml(Origin::Default, &config.to_toml()).unwrap();
    assert_eq!(saved.resolve().unwrap(), config);
    // The sum head stands behind any layers.
    let ordinal = sources(&[&layers, "model.sum_head=ordinal"]).unwrap();
    assert_eq!(ordinal.model.sum_head, HeadKind::Ordinal);
    assert!(ordinal.to_toml().contains("sum_head = \"ordinal\""));
    let error = sources(&[&layers, "model.addend=scalar"]).unwrap_err();
    assert!(error.to_string().contains("model.addend: has no effect"), "{error}");
    let error = sources(&[&layers, "model.hidden=7"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "--set model.hidden=7: model.hidden: has no effect where model.layers is given"
    );
    let error = sources(&[&layers[..layers.len() - 1]]).unwrap_err();
    assert!(matches!(error, ConfigError::Syntax { origin: Origin::Assignment(_), .. }), "{error}");
}

#[test]
fn an_old_name_beside_the_new_one_is_refused() {
    let mut sources = ConfigSources::default();
    let error =
        sources.add_toml(Origin::Default, "[training]\nema_decay = 0.9\naverage_decay = 0.5").unwrap_err();
    assert!(matches!(&error, ConfigError::Other { key, .. } if key == "training.average_decay"), "{error}");
    assert!(error.to_string().contains("is the old name of training.ema_decay"), "{error}");
}
