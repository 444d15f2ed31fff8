//! A command that forks without end.

use tokio::sync::Mutex;

/// Forks without end, whatever it is told.
pub(crate) const BUSY: &str = "import os, signal
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
while True:
  try:
    if os.fork() == 0 and DETACH: os.setsid()
  except OSError: pass
";

/// Held by the test whose bomb goes off: several at once are more than a small machine should have to bear.
pub(crate) static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
