//! `demo`: the vendor's emulator, a temporary store and the server on one machine, to try them out.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use bandyer_client::ApiVersion;
use bandyer_client::emulator::Emulator;
use jiff::SignedDuration;
use tempfile::TempDir;

use super::signals::Signals;
use super::{DemoArgs, EXIT_FAILURE, fail, print};
use crate::app::{Running, StartError};
use crate::base::clock::Clock;
use crate::base::error_chain;
use crate::config::Config;
use crate::telemetry::logs::{self, Level};

type AnyError = Box<dyn std::error::Error + Send + Sync>;

pub(super) async fn run(arguments: DemoArgs) -> ExitCode {
    // Standard output is for the reader of the introduction; warnings and errors go to the other stream.
    let _logging = logs::start(Level::parse("warn"), std::io::stderr());
    let (mut signals, demo) = match (Signals::new(), Demo::start(arguments).await) {
        (Ok(signals), Ok(demo)) => (signals, demo),
        (Err(error), _) => return fail(&format!("cannot receive signals: {error}"), EXIT_FAILURE),
        (_, Err(error)) => return fail(&error_chain::chain(&*error), EXIT_FAILURE),
    };
    print(&demo.introduction());
    signals.next().await;
    demo.stop().await;
    ExitCode::SUCCESS
}

/// A running demo.
pub struct Demo {
    emulator: Emulator,
    server: Running,
    folder: TempDir,
}

impl Demo {
    /// Starts all three, on the loopback interface only.
    ///
    /// # Errors
    ///
    /// When a port is taken or the temporary folder cannot be created.
    pub async fn start(arguments: DemoArgs) -> Result<Self, AnyError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.emulator_port));
        let failed = |source| StartError::Bind { address, source };
        let emulator = Emulator::builder().listen(address).start().await.map_err(failed)?;
        let folder = tempfile::Builder::new().prefix("teleconsult-demo-").tempdir()?;
        let config = Config::from_lookup(&|name| match name {
            "BANDYER_API_SECRET_KEY" => Some(emulator.api_key().expose().to_owned()),
            "BANDYER_BASE_URL" => Some(emulator.base_url(ApiVersion::V2)),
            "DATA_DIR" => Some(folder.path().to_string_lossy().into_owned()),
            "HTTP_PORT" => Some(arguments.port.to_string()),
            "TELECONSULT_BIND_ADDRESS" => Some(Ipv4Addr::LOCALHOST.to_string()),
            _ => None,
        })?;
        let server = Running::start(&config, Clock::system()).await?;
        Ok(Self { emulator, server, folder })
    }

    /// What a newcomer needs to know: addresses, commands and how to stop.
    #[must_use]
    pub fn introduction(&self) -> String {
        let server = format!("http://{}", self.server.address());
        let emulator = self.emulator.url();
        let now = Clock::system().now();
        let in_minutes = |minutes| {
            let moment = now.saturating_add(SignedDuration::from_mins(minutes)).unwrap_or(now);
            format!("{moment:.3}")
        };
        let (start, end, later) = (in_minutes(0), in_minutes(30), in_minutes(60));
        format!(
            r#"teleconsult-server demo is ready

  server            {server}
  documentation     {server}/documentation/
  vendor emulator   {emulator}
  store             {folder} (removed when the demo stops)

Try it in another terminal, from top to bottom:

# 1  A doctor plans a consultation for two; the patient is not known yet.
ROOM=$(curl -sS -X POST {server}/teleconsultation -H 'content-type: application/json' -d '{{"start_date": "{start}", "end_date": "{end}", "participants": {{"number": 2, "data": [{{"userId": "dr.rossi", "groups": ["doctor"], "fullName": "Anna Rossi"}}]}}}}' | cut -d'"' -f4); echo "roomId $ROOM"

# 2  It takes longer.
curl -sS -i -X PATCH {server}/teleconsultation/$ROOM -H 'content-type: application/json' -d '{{"end_date": "{later}"}}'

# 3  The patient is known: now all participants are, and the vendor's room is made.
curl -sS -i -X POST {server}/teleconsultation/$ROOM/participants/data -H 'content-type: application/json' -d '{{"userId": "patient-42", "groups": ["patient"], "fullName": "Marco Bianchi"}}'

# 4  Doctor and patient each get a personal link: open both accessLinkURLs in a browser.
curl -sS {server}/teleconsultation/$ROOM -H 'miauserid: dr.rossi'; echo
curl -sS {server}/teleconsultation/$ROOM -H 'miauserid: patient-42'; echo

# 5  A token for the vendor's mobile SDK.
curl -sS -X POST {server}/credentials -H 'miauserid: patient-42' -H 'content-type: application/json' -d '{{"expiresIn": 600}}'; echo

# 6  The consultation is called off: the links stop working.
curl -sS -i -X DELETE {server}/teleconsultation/$ROOM

What the vendor has seen: curl -sS {emulator}/_emulator/state
Stop with Ctrl-C."#,
            folder = self.folder.path().display(),
        )
    }

    /// Stops all three and removes the store.
    pub async fn stop(self) {
        self.server.stop().await;
        self.emulator.stop().await;
    }
}
