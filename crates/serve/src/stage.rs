//! The stages of a server's end, which its connections follow.

use tokio::sync::watch;

/// A stage of a server's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Connections stay open for further requests.
    Open,
    /// Every answer says that it is the connection's last.
    Closing,
    /// Connections that ask nothing are closed.
    Ended,
}

/// The stage, as a connection sees it.
pub(crate) type StageView = watch::Receiver<Stage>;
