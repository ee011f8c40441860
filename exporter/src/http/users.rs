//! Who may ask: basic authentication against hashes of passwords.
//!
//! In: the `Authorization` header. Out: yes or no. Never: a hash computed on the thread that serves (it takes a tenth of a
//! second), more than one at a time, or an answer whose time tells whether the user exists.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use hyper::header::HeaderValue;
use ring::hmac;
use ring::rand::SystemRandom;
use tokio::sync::Semaphore;

use super::authorization::basic;

/// Passwords that were right and need not be hashed again.
const VERIFIED_MAX: usize = 64;
/// Requests that may wait for their hash.
const WAITING_MAX: usize = 32;

/// What became of a request's credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// The password is right, or none is wanted.
    Granted,
    /// There is none, or it is wrong.
    Refused,
    /// Too many are being checked.
    Busy,
}

/// Checks passwords. It outlives the users, who change with the file.
#[derive(Debug)]
pub(super) struct Gate {
    /// Made anew with each process: without it the digests below say nothing.
    key: hmac::Key,
    verified: Mutex<HashSet<[u8; 32]>>,
    turn: Semaphore,
    waiting: Semaphore,
}

impl Gate {
    /// A gate that remembers nobody.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn new() -> Result<Self, String> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| "the system gives no random numbers".to_owned())?;
        Ok(Self {
            key,
            verified: Mutex::default(),
            turn: Semaphore::new(1),
            waiting: Semaphore::new(WAITING_MAX),
        })
    }

    /// Decides on a request. `users` are the hashes by name; without users everybody is let in.
    pub(super) async fn admit(
        &self,
        users: &BTreeMap<String, String>,
        authorization: Option<&HeaderValue>,
    ) -> Admission {
        // A user who does not exist costs what one who does would.
        let Some(anybody) = users.values().next() else {
            return Admission::Granted;
        };
        let Some((user, password)) = authorization.and_then(|header| basic(header.to_str().ok()?))
        else {
            return Admission::Refused;
        };
        let known = users.get(&user);
        let hash = known.unwrap_or(anybody);
        let digest = self.digest(&user, hash, &password);
        if known.is_some() && self.verified().contains(&digest) {
            return Admission::Granted;
        }
        let Ok(_waiting) = self.waiting.try_acquire() else {
            return Admission::Busy;
        };
        let Ok(_turn) = self.turn.acquire().await else {
            return Admission::Busy;
        };
        let hash = hash.clone();
        let right = tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash));
        if !matches!(right.await, Ok(Ok(true))) || known.is_none() {
            return Admission::Refused;
        }
        let mut verified = self.verified();
        if verified.len() >= VERIFIED_MAX {
            verified.clear();
        }
        verified.insert(digest);
        Admission::Granted
    }

    fn verified(&self) -> std::sync::MutexGuard<'_, HashSet<[u8; 32]>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether two credentials are the same, and nothing else. The lengths keep the parts apart.
    fn digest(&self, user: &str, hash: &str, password: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [user.as_bytes(), hash.as_bytes(), password] {
            context.update(&part.len().to_le_bytes());
            context.update(part);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        digest
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    fn users() -> BTreeMap<String, String> {
        let hash = |password| bcrypt::hash(password, 4).unwrap();
        BTreeMap::from([
            ("alice".to_owned(), hash("wonder:land")),
            ("bob".to_owned(), hash("builder")),
        ])
    }

    fn header(credentials: &str) -> HeaderValue {
        HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(credentials))).unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_user_is_let_in() {
        let (gate, users) = (Gate::new().unwrap(), users());
        for round in ["hashed", "remembered"] {
            for (given, expected) in [
                (Some(header("alice:wonder:land")), Admission::Granted),
                (Some(header("bob:builder")), Admission::Granted),
                (Some(header("bob:wonder:land")), Admission::Refused),
                (Some(header("bob:")), Admission::Refused),
                (Some(header("carol:builder")), Admission::Refused),
                (Some(header("bob")), Admission::Refused),
                (
                    Some(HeaderValue::from_static("Basic ???")),
                    Admission::Refused,
                ),
                (
                    Some(HeaderValue::from_static("Bearer x")),
                    Admission::Refused,
                ),
                (None, Admission::Refused),
            ] {
                let got = gate.admit(&users, given.as_ref()).await;
                assert_eq!(got, expected, "{round}: {given:?}");
            }
        }
        assert_eq!(gate.verified().len(), 2, "only right ones are remembered");
        assert_eq!(
            gate.admit(&BTreeMap::new(), None).await,
            Admission::Granted,
            "without users everybody may ask"
        );
    }

    #[tokio::test]
    async fn a_changed_password_is_not_remembered() {
        let (gate, mut users) = (Gate::new().unwrap(), users());
        let old = header("bob:builder");
        assert_eq!(gate.admit(&users, Some(&old)).await, Admission::Granted);
        users.insert("bob".to_owned(), bcrypt::hash("destroyer", 4).unwrap());
        assert_eq!(gate.admit(&users, Some(&old)).await, Admission::Refused);
        let new = header("bob:destroyer");
        assert_eq!(gate.admit(&users, Some(&new)).await, Admission::Granted);
    }

    #[tokio::test]
    async fn guessers_wait_in_a_short_line_and_the_remembered_pass_it() {
        let (gate, users) = (Gate::new().unwrap(), users());
        let right = header("bob:builder");
        assert_eq!(gate.admit(&users, Some(&right)).await, Admission::Granted);
        let turn = gate.turn.acquire().await.unwrap();
        let wrong = header("bob:guess");
        let mut guesses: Vec<_> = (0..WAITING_MAX)
            .map(|_| Box::pin(gate.admit(&users, Some(&wrong))))
            .collect();
        for guess in &mut guesses {
            let waits = std::future::poll_fn(|cx| {
                std::task::Poll::Ready(guess.as_mut().poll(cx).is_pending())
            });
            assert!(waits.await);
        }
        assert_eq!(gate.admit(&users, Some(&wrong)).await, Admission::Busy);
        assert_eq!(gate.admit(&users, Some(&right)).await, Admission::Granted);
        drop(turn);
        for guess in guesses {
            assert_eq!(guess.await, Admission::Refused);
        }
    }

    #[tokio::test]
    async fn the_memory_has_a_limit() {
        let gate = Gate::new().unwrap();
        for number in 0..VERIFIED_MAX + 3 {
            let users = BTreeMap::from([(number.to_string(), bcrypt::hash("p", 4).unwrap())]);
            let header = header(&format!("{number}:p"));
            assert_eq!(gate.admit(&users, Some(&header)).await, Admission::Granted);
            assert!(gate.verified().len() <= VERIFIED_MAX);
        }
    }
}
