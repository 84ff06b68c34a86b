use std::time::Duration;

use sangam_types::{Mono, Now, Wall};

use super::super::super::device::{Context, Device, Wake};
use super::super::super::tally::Tally;
use super::super::super::world::World;
use super::super::{Ended, Reply, Step};

pub(super) const EMPTY: &str = "";

/// A device, and what goes over its wire.
pub(super) struct Rig {
    pub(super) world: World,
    pub(super) device: Device,
    pub(super) tally: Tally,
    pub(super) at: Duration,
    /// What the ACS says beside its body.
    pub(super) cookies: Vec<String>,
    pub(super) challenges: Vec<String>,
    pub(super) retry_after: Option<Duration>,
    pub(super) is_chunked: bool,
    /// What the device said last.
    pub(super) cookie: Option<String>,
    pub(super) authorization: Option<String>,
    last: String,
}

/// An envelope of an ACS.
pub(super) fn rpc(id: &str, body: &str) -> String {
    format!(
        "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
         xmlns:cwmp=\"urn:dslforum-org:cwmp-1-2\"><soap:Header><cwmp:ID soap:mustUnderstand=\"1\">{id}</cwmp:ID>\
         </soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>"
    )
}

impl Rig {
    pub(super) fn new(number: u32) -> Self {
        let (world, mut tally) = (World::of_test(7), Tally::default());
        let device = Device::new(&world, number, Mono::ZERO, false, &mut tally);
        Self {
            world,
            device,
            tally,
            at: Duration::ZERO,
            cookies: Vec::new(),
            challenges: Vec::new(),
            retry_after: None,
            is_chunked: false,
            cookie: None,
            authorization: None,
            last: String::new(),
        }
    }

    /// One whose first Inform was acknowledged, and that listens.
    pub(super) fn informed(number: u32) -> Self {
        let mut rig = Self::new(number);
        rig.begin();
        rig.inform_response();
        rig
    }

    /// One whose first session is over.
    pub(super) fn idle(number: u32) -> Self {
        let mut rig = Self::informed(number);
        rig.say(204, EMPTY).unwrap_err();
        rig
    }

    pub(super) fn now(&self) -> Now {
        let start = Now { mono: Mono::ZERO, wall: Wall::from_unix_secs(1_795_329_000) };
        start + self.at
    }

    pub(super) fn with<T>(&mut self, act: impl FnOnce(&mut Device, &mut Context<'_>) -> T) -> T {
        let now = self.now();
        act(&mut self.device, &mut Context { now, world: &self.world, tally: &mut self.tally })
    }

    pub(super) fn wake(&mut self) -> Wake {
        self.with(|device, cx| device.wake(cx))
    }

    /// Lets time pass until the device wants something.
    pub(super) fn wait(&mut self) -> Wake {
        for _ in 0..100 {
            if let Some(due) = self.device.due(false) {
                self.at = self.at.max(due.since_start());
            }
            match self.wake() {
                Wake::Idle => {}
                wake => return wake,
            }
        }
        panic!("it wants nothing");
    }

    /// The Inform of the next session.
    pub(super) fn begin(&mut self) -> String {
        let wake = self.wait();
        assert!(matches!(wake, Wake::Session), "{wake:?}");
        let post = self.with(|device, cx| device.begin(cx));
        self.note(&post)
    }

    /// What the device says on what the ACS says.
    pub(super) fn say(&mut self, status: u16, body: &str) -> Result<String, Ended> {
        let reply = Reply {
            status,
            challenges: std::mem::take(&mut self.challenges),
            cookies: std::mem::take(&mut self.cookies),
            retry_after: self.retry_after.take(),
            is_chunked: self.is_chunked,
            body: body.to_owned().into(),
        };
        match self.with(|device, cx| device.reply(cx, &reply)) {
            Step::Post(post) => Ok(self.note(&post)),
            Step::End(ended) => Err(ended),
        }
    }

    pub(super) fn inform_response(&mut self) -> String {
        let body = "<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>";
        let answer = rpc(&self.id(), body);
        self.say(200, &answer).unwrap()
    }

    /// A right answer to an Inform, to a device that may have said something else.
    pub(super) fn try_response(&mut self) -> Option<Ended> {
        let body = "<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>";
        let answer = rpc(&self.id(), body);
        self.say(200, &answer).err()
    }

    pub(super) fn last_is_empty(&self) -> bool {
        self.last.is_empty()
    }

    /// The `ID` of what the device said last.
    pub(super) fn id(&self) -> String {
        let (_, rest) = self.last.split_once("mustUnderstand=\"1\">").unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    }

    fn note(&mut self, post: &super::super::Post) -> String {
        self.cookie.clone_from(&post.cookie);
        self.authorization.clone_from(&post.authorization);
        self.last = String::from_utf8(post.body.to_vec()).unwrap();
        self.last.clone()
    }
}
