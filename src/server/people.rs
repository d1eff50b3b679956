//! `patchboard user …` and `patchboard ledger …`: for whoever may run commands on the server.

use super::{
    config::{self, ConfigArgs},
    run,
    terminal::{Failure, chain, say},
};
use clap::{Args, Subcommand};
use patchboard_backend::{Error, Policy, Services, Store, UserChange, Ways, clock::SystemClock};
use patchboard_domain::{
    account::{AccountRefusal, Actor, Role, User},
    ledger::Broken,
};
use std::sync::Arc;

#[derive(Args)]
pub(super) struct UserArgs {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(subcommand)]
    what: UserCommand,
}

#[derive(Subcommand)]
enum UserCommand {
    /// Make an account; prints the one-time code with which its owner chooses a password
    Add {
        /// What is typed to sign in
        name: String,
        /// viewer, operator, approver or administrator; may be given several times
        #[arg(long = "role", value_name = "ROLE", required = true, value_parser = role)]
        roles: Vec<Role>,
        /// What others read
        #[arg(long, default_value = "")]
        full_name: String,
    },
    /// List all accounts
    List,
    /// Print a one-time code with which somebody chooses a new password
    Reset {
        /// The account
        name: String,
    },
    /// Take somebody's second factor away, because their device is lost; their sessions end at once
    DropFactor {
        /// The account
        name: String,
    },
    /// Give an account other roles
    Roles {
        /// The account
        name: String,
        /// All its roles from now on
        #[arg(long = "role", value_name = "ROLE", required = true, value_parser = role)]
        roles: Vec<Role>,
    },
    /// Keep an account from being used; its sessions end at once
    Disable {
        /// The account
        name: String,
    },
    /// Let a disabled account be used again
    Enable {
        /// The account
        name: String,
    },
}

#[derive(Args)]
pub(super) struct LedgerArgs {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(subcommand)]
    what: LedgerCommand,
}

#[derive(Subcommand)]
enum LedgerCommand {
    /// Follow the whole chain; names every entry that was changed or is missing. Exit code 1 when it is broken
    Verify {
        /// What an earlier run printed as the last entry, NUMBER:HASH: it must still stand there
        #[arg(long, value_name = "NUMBER:HASH")]
        expect: Option<String>,
    },
}

fn role(word: &str) -> Result<Role, String> {
    Role::from_word(word).ok_or_else(|| format!("a role is one of {}", Role::ALL.map(Role::word).join(", ")))
}

/// For accounts and the ledger alone: nothing that they do depends on the policy or on a cloud.
async fn services(store: Store) -> Result<Services, Failure> {
    let services = Services::new(store, Arc::new(SystemClock), Vec::new(), Policy::default(), Ways::default()).await;
    services.map_err(|e| Failure::Failed(chain(&e)))
}

fn failed(error: Error) -> Failure {
    match error {
        Error::NotFound => Failure::Wrong("there is no such account; `patchboard user list` shows all".to_owned()),
        Error::Account(refusal) => Failure::Wrong(
            match refusal {
                AccountRefusal::Name => "a name is 2 to 64 letters, digits, '.', '-', '_' or '@'",
                AccountRefusal::NameTaken => "somebody has that name already",
                AccountRefusal::External => "it signs in at a provider, which also says what its roles are",
                AccountRefusal::LastAdministrator => "it is the last administrator that can be used: make another one first",
                _ => "the account cannot be changed so",
            }
            .to_owned(),
        ),
        other => Failure::Failed(chain(&other)),
    }
}

fn line(user: &User) -> String {
    let roles: Vec<_> = user.roles.iter().map(|r| r.word()).collect();
    let state = match (user.disabled_at, user.external, user.has_password) {
        (Some(_), _, _) => "disabled",
        (None, true, _) => "single sign-on",
        (None, false, true) => "active",
        (None, false, false) => "no password yet",
    };
    let factor = if user.has_factor { ", second factor" } else { "" };
    format!("{:<24} {:<40} {state}{factor}", user.name, roles.join(","))
}

/// Runs `patchboard user`.
pub(super) async fn user(args: UserArgs) -> Result<(), Failure> {
    let settings = config::read(args.config.config.as_deref(), &config::environment())?;
    let url = settings.store_url()?;
    run::check_file(url).await?;
    // Held until the end, where no server holds it.
    let (store, _claimed) = Store::open_beside(url).await.map_err(|e| Failure::Failed(chain(&e)))?;
    let services = services(store).await?;
    let actor = Actor::command_line();
    let code =
        |code: String| format!("one-time code, good for an hour: {code}\nIt is typed at {} of this Patchboard.", crate::paths::WELCOME);
    match args.what {
        UserCommand::Add { name, roles, full_name } => {
            let (_, made) = services.add_user(&actor, &name, &full_name, &roles).await.map_err(failed)?;
            say(&code(made));
        }
        UserCommand::List => {
            for user in services.people(&actor).await.map_err(failed)? {
                say(&line(&user));
            }
        }
        UserCommand::Reset { name } => {
            let user = services.user_named(&name).await.map_err(failed)?;
            say(&code(services.reset_user(&actor, &user.id).await.map_err(failed)?.1));
        }
        UserCommand::DropFactor { name } => {
            let user = services.user_named(&name).await.map_err(failed)?;
            services.drop_factor(&actor, &user.id).await.map_err(failed)?;
            say(&line(&services.user_named(&name).await.map_err(failed)?));
        }
        UserCommand::Roles { name, roles } => change(&services, &name, UserChange::Roles(roles)).await?,
        UserCommand::Disable { name } => change(&services, &name, UserChange::Disable(chrono::DateTime::UNIX_EPOCH)).await?,
        UserCommand::Enable { name } => change(&services, &name, UserChange::Enable).await?,
    }
    services.close().await;
    Ok(())
}

async fn change(services: &Services, name: &str, change: UserChange) -> Result<(), Failure> {
    let user = services.user_named(name).await.map_err(failed)?;
    services.change_user(&Actor::command_line(), &user.id, change).await.map_err(failed)?;
    say(&line(&services.user_named(name).await.map_err(failed)?));
    Ok(())
}

/// Runs `patchboard ledger`.
pub(super) async fn ledger(args: LedgerArgs) -> Result<(), Failure> {
    let LedgerCommand::Verify { expect } = args.what;
    let settings = config::read(args.config.config.as_deref(), &config::environment())?;
    let store = Store::open_to_read(settings.store_url()?).await.map_err(|e| Failure::Failed(chain(&e)))?;
    let services = services(store).await?;
    let (entries, hash, mut broken) = services.verify_ledger().await.map_err(failed)?;
    let mut sentences: Vec<String> = Vec::new();
    if let Some(expected) = expect {
        let (seq, wanted) = expected
            .split_once(':')
            .and_then(|(seq, hash)| Some((seq.parse::<i64>().ok()?, hash.to_owned())))
            .ok_or_else(|| Failure::Wrong("--expect wants NUMBER:HASH, as an earlier run printed it".to_owned()))?;
        let found = services.ledger_after(&Actor::command_line(), seq - 1).await.map_err(failed)?.into_iter().next();
        match found.map(|stored| stored.entry).filter(|e| e.seq == seq) {
            Some(entry) if entry.hash == wanted => {}
            Some(_) => sentences.push(format!("entry {seq} is not the one that stood there")),
            None => broken.push(Broken::Missing { from: seq, to: seq }),
        }
    }
    services.close().await;
    sentences.extend(broken.iter().map(ToString::to_string));
    if sentences.is_empty() {
        say(&format!("the ledger is whole: {entries} entries, the last is {entries}:{hash}"));
        return Ok(());
    }
    Err(Failure::Failed(format!("the ledger is broken\n  {}", sentences.join("\n  "))))
}
