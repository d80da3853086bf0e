//! The whole terminal, taken for the dashboard and given back. A terminal that is closed meanwhile costs what would be drawn on it and
//! nothing else: no error of it is said, for there is nobody to tell, and words on a dead standard error would be a panic.

use std::io::{Result, Stdout, Write, stdout};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{execute, queue};

static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// The terminal to draw on.
pub(crate) type Screen = Terminal<CrosstermBackend<Lenient>>;

/// Standard output whose errors are dropped. Whether the terminal is there is seen where its keys are read.
pub(crate) struct Lenient(Stdout);

impl Write for Lenient {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let _ = self.0.write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}

/// Takes the terminal: keys come one by one and unseen, and what stood on it is kept for [`give_back`], which a panic calls too.
///
/// # Errors
/// Where it cannot be taken; it is as before then.
pub(crate) fn take() -> Result<Screen> {
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panicked| {
            give_back();
            usual(panicked);
        }));
    });
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let opened = execute!(stdout(), EnterAlternateScreen)
        .and_then(|()| Terminal::new(CrosstermBackend::new(Lenient(stdout()))));
    if opened.is_err() {
        give_back();
    }
    opened
}

/// Whether the terminal is taken now.
pub(crate) fn is_taken() -> bool {
    TAKEN.load(Ordering::SeqCst)
}

/// Gives the terminal back as it was, with its cursor; does nothing where it is not taken.
pub(crate) fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = disable_raw_mode();
        let mut screen = Lenient(stdout());
        let _ = queue!(screen, LeaveAlternateScreen, Show);
        let _ = screen.flush();
    }
}
