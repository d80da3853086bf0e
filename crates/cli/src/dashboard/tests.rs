use adder_model::{HeadMetrics, Metrics};
use adder_train::events::StepEvent;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;

fn plan() -> RunPlan<'static> {
    RunPlan {
        directory: Path::new("runs/one"),
        parameters: 13_136,
        training_images: 1280,
        validation_images: 320,
        evaluation_images: 100,
        epochs: 3,
        steps_per_epoch: 10,
        steps_before: 0,
    }
}

fn metrics(loss: f64, accuracy: f64) -> Metrics {
    let head = HeadMetrics { loss, accuracy };
    Metrics { digit: head, sum: head, both: head }
}

fn trained() -> DashboardState {
    let mut state = DashboardState::new(&plan(), None);
    for step in 1..=15 {
        let loss = 5.0 / step as f64;
        let event = StepEvent {
            epoch: 1 + (step - 1) / 10,
            step,
            loss,
            accuracy: 50.0,
            learning_rate: 0.01,
            gradient_norm: 1.0,
        };
        let running = metrics(loss, 50.0);
        state.step(&Progress {
            event: &event,
            step_in_epoch: (step - 1) % 10 + 1,
            steps_per_epoch: 10,
            images: 128,
            running,
        });
    }
    let validation = metrics(0.5, 90.25);
    let epoch = EpochEvent {
        epoch: 1,
        step: 10,
        training: validation,
        validation,
        training_seconds: 1.0,
        validation_seconds: 0.1,
    };
    state.epoch(&epoch, true);
    let mistake =
        Mistake { pixels: [255; adder_data::PIXELS], asked: "4 + 3 = 7".into(), answered: "9, 12".into() };
    state.mistakes = vec![mistake; 3];
    state
}

fn screen(state: &DashboardState, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(frame, state)).unwrap();
    terminal.backend().to_string()
}

#[test]
fn a_large_terminal_shows_everything() {
    let screen = screen(&trained(), 120, 40);
    for words in [
        "runs/one",
        "epoch 2/3, step 5/10",
        "loss, moving average",
        "both right (%)",
        "validation",
        "best validation 90.25 % after epoch 1",
        "rate 1.00e-2",
        "images/s",
        "4 + 3 = 7",
        "said 9, 12",
        "stop and save",
    ] {
        assert!(screen.contains(words), "{words} is missing:\n{screen}");
    }
}

#[test]
fn small_terminals_show_what_fits() {
    let state = trained();
    let short = screen(&state, 80, 24);
    assert!(short.contains("both right (%)") && !short.contains("said 9"), "{short}");
    let tiny = screen(&state, 30, 3);
    assert!(tiny.contains("epoch 2/3") && tiny.contains("loss "), "{tiny}");
    for (width, height) in [(1, 1), (60, 16), (59, 40), (200, 1), (3, 200)] {
        screen(&state, width, height);
    }
    screen(&DashboardState::new(&plan(), None), 120, 40);
}

#[test]
fn a_pause_is_shown_and_ends() {
    let mut state = trained();
    assert!(screen(&state, 80, 24).contains("training  epoch"));
    state.pause(true);
    assert!(screen(&state, 80, 24).contains("paused"));
    state.pause(false);
    assert!(!screen(&state, 80, 24).contains("paused"));
}

#[test]
fn the_training_of_a_teacher_is_shown_as_a_teachers() {
    let data = Arc::new(Labeled::new(vec![0; adder_data::PIXELS], vec![0]).unwrap());
    let validation = Validation { data, indices: Vec::new(), seed: 1 };
    let terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
    let (_presses, pauses) = std::sync::mpsc::channel();
    let mut dashboard = Dashboard::new(terminal, None, (StopFlag::default(), pauses), validation);
    let shows = |dashboard: &Dashboard<TestBackend>, words: &str| {
        dashboard.terminal.backend().to_string().contains(words)
    };
    let teacher = RunPlan { directory: Path::new("runs/one/teachers/2"), epochs: 7, ..plan() };
    dashboard.teacher(TeacherNumber { number: 2, count: 3 }).on_start(&teacher);
    assert!(shows(&dashboard, "teacher 2 of 3, runs/one/teachers/2") && shows(&dashboard, "epoch 1/7"));
    dashboard.on_start(&plan());
    assert!(shows(&dashboard, " runs/one ") && shows(&dashboard, "epoch 1/3"));
    assert!(!shows(&dashboard, "teacher"));
}
