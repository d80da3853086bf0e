//! What stands around a state_dict: keys, prefixes, modules; and what is none.

use adder_export::FileProblem;

use crate::common::{Flat, decode, file, refused, state_dict, taken};
use crate::writer::{Pickle, Strided};

/// A tensor of one double, as profilers and averages leave them.
fn scalar() -> Strided {
    Strided { key: "0".into(), class: "LongStorage", count: 1, offset: 0, shape: vec![], stride: vec![] }
}

/// What is written under a key.
type Write<'w> = &'w dyn Fn(&mut Pickle);

/// A dictionary whose keys lead to what is written.
fn dict(pickle: &mut Pickle, parts: &[(&str, Write<'_>)]) {
    pickle.raw(b"}(");
    for (key, write) in parts {
        pickle.text(key);
        write(pickle);
    }
    pickle.raw(b"u");
}

#[test]
fn a_checkpoints_network_is_found_and_said() {
    for key in ["state_dict", "model_state_dict", "model", "ema", "net", "anything"] {
        let bytes = file(|pickle, flat| {
            dict(
                pickle,
                &[
                    ("epoch", &|pickle| {
                        pickle.raw(b"K\x05");
                    }),
                    ("args", &|pickle| {
                        pickle.global("argparse", "Namespace").raw(b")\x81}").text("lr").raw(b"K\x01sb");
                    }),
                    ("folder", &|pickle| {
                        pickle.global("pathlib", "PosixPath").text("runs").raw(b"\x85R");
                    }),
                    ("best", &|pickle| {
                        pickle
                            .global("numpy._core.multiarray", "scalar")
                            .raw(b"N")
                            .bytes(&[0; 8])
                            .raw(b"\x86R");
                    }),
                    (key, &|pickle| flat.write(pickle, "")),
                    ("optimizer", &|pickle| {
                        pickle.raw(b"}").text("state").raw(b"}K\x00}");
                        pickle.text("exp_avg").tensor(&flat.tensors[0].1, None).raw(b"sss");
                    }),
                ],
            );
        });
        assert!(taken(&bytes, None).starts_with(&format!("took `{key}`; ")), "{key}");
    }
}

#[test]
fn prefixes_of_any_kind_are_removed() {
    for prefix in ["module.", "_orig_mod.", "_orig_mod.module.", "model.", "net.", "a.b.c.", "0."] {
        let bytes = file(|pickle, flat| flat.write(pickle, prefix));
        assert!(taken(&bytes, None).starts_with(&format!("removed the prefix `{prefix}`; ")), "{prefix}");
    }
    // Half a word is no prefix.
    refused(
        &file(|pickle, flat| flat.write(pickle, "my_")),
        None,
        &["found a dictionary with the keys `my_conv1"],
    );
    // A wrapper around each module, and the averages' count beside them.
    let bytes = file(|pickle, flat| {
        pickle.raw(b"}(").text("n_averaged").tensor(&scalar(), None);
        for (name, tensor) in &flat.tensors {
            let name = name.replacen('.', "._fsdp_wrapped_module.", 1);
            pickle.text(&format!("module.{name}")).tensor(tensor, None);
        }
        pickle.raw(b"u");
    });
    let said = taken(&bytes, None);
    for words in [
        "removed the prefix `module.`",
        "removed `_fsdp_wrapped_module.` from the names",
        "left out `n_averaged`, the number of networks that were averaged",
    ] {
        assert!(said.contains(words), "{said}");
    }
    // What is not behind the prefix belongs to another module; with no prefix all must be the network's.
    let beside = |prefix: &str| {
        file(|pickle, flat| {
            flat.write(pickle, prefix);
            pickle.raw(b"(").text("criterion.weight").tensor(&scalar(), None).text("step").raw(b"K\x01u");
        })
    };
    assert!(
        taken(&beside("net."), None)
            .contains("left out `criterion.weight`: not behind the prefix; left out `step`: no tensors")
    );
    refused(&beside(""), None, &["tensor `criterion.weight` is unknown"]);
}

#[test]
fn two_networks_of_equal_right_are_refused_with_the_keys_that_choose() {
    let other = |pickle: &mut Pickle, flat: &Flat, prefix: &str| {
        pickle.raw(b"}(");
        for (name, tensor) in &flat.tensors {
            let offset = if name == "conv1.2.bias" { tensor.offset + 1 } else { tensor.offset };
            pickle.text(&format!("{prefix}{name}")).tensor(&Strided { offset, ..tensor.clone() }, None);
        }
        pickle.raw(b"u");
    };
    let bytes = file(|pickle, flat| {
        dict(
            pickle,
            &[
                ("state_dict", &|pickle| flat.write(pickle, "")),
                ("extra", &|pickle| dict(pickle, &[("ema", &|pickle| other(pickle, flat, "module."))])),
            ],
        );
    });
    let problem =
        refused(&bytes, None, &["2 networks are in it", "--key state_dict or --key extra.ema.module"]);
    assert!(matches!(problem, FileProblem::Several { .. }));
    assert!(taken(&bytes, Some("state_dict")).starts_with("took `state_dict`"));
    for key in ["extra.ema", "extra.ema.module"] {
        let loaded = decode(&bytes, Some(key)).unwrap();
        assert!(crate::common::bits(&loaded.model) != crate::common::bits(&crate::common::model()));
    }
    let problem = refused(&bytes, Some("ema"), &["--key ema", "--key state_dict or --key extra.ema.module"]);
    assert!(matches!(problem, FileProblem::Key { .. }));

    // In one dictionary, under two prefixes.
    let bytes = file(|pickle, flat| {
        flat.write(pickle, "");
        pickle.raw(b"(");
        for (name, tensor) in &flat.tensors {
            let offset = if name == "conv1.2.bias" { tensor.offset + 1 } else { tensor.offset };
            pickle.text(&format!("ema.{name}")).tensor(&Strided { offset, ..tensor.clone() }, None);
        }
        pickle.raw(b"u");
    });
    refused(&bytes, None, &["--key . or --key ema"]);
    let said = decode(&bytes, Some("ema")).unwrap().notes.join("; ");
    assert!(said.contains("removed the prefix `ema.`; left out `conv1.0.weight`"), "{said}");

    // The same tensors twice are one network.
    let bytes = file(|pickle, flat| {
        dict(
            pickle,
            &[("model", &|pickle| flat.write(pickle, "")), ("best", &|pickle| flat.write(pickle, "module."))],
        );
    });
    assert!(taken(&bytes, None).starts_with("took `model`"));
    // A list of them.
    let bytes = file(|pickle, flat| {
        pickle.raw(b"](");
        flat.write(pickle, "");
        other(pickle, flat, "");
        pickle.raw(b"e");
    });
    refused(&bytes, None, &["--key 0 or --key 1"]);
    assert!(taken(&bytes, Some("0")).starts_with("took `0`"));
}

/// `torch.nn.Module` as it is pickled.
fn module(pickle: &mut Pickle, class: &str, tensors: &[(&str, &Strided)], modules: &dyn Fn(&mut Pickle)) {
    pickle.global("some.code", class).raw(b")\x81}(").text("training").raw(b"\x88");
    pickle.text("_parameters").raw(b"}(");
    for (name, tensor) in tensors {
        pickle.text(name).parameter(|pickle| {
            pickle.tensor(tensor, None);
        });
    }
    pickle.raw(b"u").text("_buffers").raw(b"}").text("_modules").raw(b"}(");
    modules(pickle);
    pickle.raw(b"uub");
}

/// Every tensor in a module for each part of its name.
fn modules(pickle: &mut Pickle, flat: &Flat) {
    let mut groups: Vec<(String, Vec<(&str, &Strided)>)> = Vec::new();
    for (name, tensor) in &flat.tensors {
        let (path, leaf) = name.rsplit_once('.').unwrap();
        match groups.iter_mut().find(|(known, _)| known == path) {
            Some((_, tensors)) => tensors.push((leaf, tensor)),
            None => groups.push((path.into(), vec![(leaf, tensor)])),
        }
    }
    let outer: std::collections::BTreeSet<&str> =
        groups.iter().filter_map(|(path, _)| path.split('.').next()).collect();
    module(pickle, "Net", &[], &|pickle| {
        for outer in &outer {
            pickle.text(outer);
            module(pickle, "Sequential", &[], &|pickle| {
                for (path, tensors) in &groups {
                    if let Some(inner) = path.strip_prefix(outer).and_then(|rest| rest.strip_prefix('.')) {
                        pickle.text(inner);
                        module(pickle, "Layer", tensors, &|_| {});
                    }
                }
            });
        }
    });
}

#[test]
fn a_whole_module_is_read_without_its_code() {
    let bytes = file(modules);
    assert!(
        taken(&bytes, None)
            .starts_with("took the tensors of a whole module, `some.code.Net`, of which no code")
    );
    let bytes = file(|pickle, flat| {
        dict(
            pickle,
            &[
                ("epoch", &|pickle| {
                    pickle.raw(b"K\x05");
                }),
                ("model", &|pickle| modules(pickle, flat)),
            ],
        );
    });
    assert!(taken(&bytes, None).contains("took `model`"));
}

#[test]
fn what_holds_no_network_is_described() {
    let one = |flat: &Flat| flat.tensors[0].1.clone();
    let cases: [(Vec<u8>, &[&str]); 7] = [
        (
            file(|pickle, _| {
                pickle.raw(b"}");
            }),
            &["an empty dictionary", "torch.save(model.state_dict()"],
        ),
        (
            file(|pickle, _| {
                pickle.raw(b"K\x07");
            }),
            &["found no tensors"],
        ),
        (
            file(|pickle, flat| {
                pickle.raw(b"](").tensor(&one(flat), None).raw(b"K\x01e");
            }),
            &["a list of 2 things, 1 of them tensors without names"],
        ),
        (
            file(|pickle, flat| {
                pickle.tensor(&one(flat), None);
            }),
            &["a single tensor, F32"],
        ),
        (
            file(|pickle, flat| {
                pickle.raw(b"}").text("state").raw(b"}K\x00}").text("exp_avg").tensor(&one(flat), None);
                pickle.raw(b"sss").text("param_groups").raw(b"]s");
            }),
            &["a dictionary with the keys `state`, `param_groups`; 0 tensors at its top, 1 in all"],
        ),
        (
            file(|pickle, flat| {
                let tensor = one(flat);
                module(pickle, "Other", &[("weight", &tensor)], &|_| {});
            }),
            &["a whole module, `some.code.Other`, with 1 tensors"],
        ),
        (
            file(|pickle, _| {
                pickle.global("some.code", "Trainer").raw(b")\x81");
            }),
            &["an object of the class `some.code.Trainer`"],
        ),
    ];
    for (bytes, words) in cases {
        let problem = refused(&bytes, None, &[words, &["expected names as `conv1.0.weight`"]].concat());
        assert!(matches!(problem, FileProblem::Nothing { .. }));
    }
}

#[test]
fn what_is_missing_or_too_much_is_named_with_what_to_do() {
    let without = |ending: &str| {
        file(|pickle, flat| {
            pickle.raw(b"}(");
            for (name, tensor) in flat.tensors.iter().filter(|(name, _)| !name.ends_with(ending)) {
                pickle.text(name).tensor(tensor, None);
            }
            pickle.raw(b"u");
        })
    };
    refused(
        &without("fc2.1.running_var"),
        None,
        &["`fc2.1.running_var` is missing", "41 of the network's 42"],
    );
    refused(&without("running_var"), None, &["running statistics", "save model.state_dict()"]);
    let beside = |names: &[&str]| {
        file(|pickle, flat| {
            flat.write(pickle, "");
            pickle.raw(b"(");
            for name in names {
                pickle.text(name).tensor(&scalar(), None);
            }
            pickle.raw(b"u");
        })
    };
    taken(&beside(&["conv1.2.num_batches_tracked", "fc1.1.num_batches_tracked"]), None);
    refused(&beside(&["total_ops", "conv1.total_params"]), None, &["thop", "k.endswith((\"total_ops\""]);
    refused(&beside(&["mask", "scale"]), None, &["`mask` is unknown", "none of these 2: `mask`, `scale`"]);
    assert!(state_dict().len() == 42);
}
