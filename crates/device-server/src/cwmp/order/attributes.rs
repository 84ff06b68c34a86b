use sangam_cwmp_proto::Message;
use sangam_cwmp_proto::message::{Notification, SetParameterAttribute, SetParameterAttributes};
use serde::Deserialize;

use super::BadOrder;

/// Who hears of changes of parameters, and who may make them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Attributes {
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attribute {
    /// A parameter, or an object with its dot: all below it.
    path: String,
    /// Left out: as it was.
    notification: Option<String>,
    /// Left out: as it was. Empty: nobody but us.
    access_list: Option<Vec<String>>,
}

/// As operators write it, by its number (TR-069 Amendment 6 Table 22).
const NOTIFICATIONS: [&str; 7] = [
    "off",
    "passive",
    "active",
    "passive_lightweight",
    "passive_with_passive_lightweight",
    "active_lightweight",
    "passive_with_active_lightweight",
];

/// The word for it; a number that no standard knows stands for itself.
pub(in crate::cwmp) fn notification_name(notification: Notification) -> String {
    let number = notification.number();
    let word = usize::try_from(number).ok().and_then(|number| NOTIFICATIONS.get(number));
    word.map_or_else(|| number.to_string(), |word| (*word).to_owned())
}

fn notification(word: &str) -> Result<Notification, BadOrder> {
    let wrong = "`notification` is off, passive, active, or one of the lightweight ones that the manual has";
    let number = (0_u32..).zip(NOTIFICATIONS).find(|(_, known)| *known == word).map(|(number, _)| number);
    number.map(Notification::from_number).ok_or(BadOrder::Wrong(wrong))
}

impl Attributes {
    pub(super) fn message(self) -> Result<Message, BadOrder> {
        if self.attributes.is_empty() {
            return Err(BadOrder::Wrong("it names no attributes"));
        }
        let parameters = self.attributes.into_iter().map(|it| {
            if it.path.is_empty() || (it.notification.is_none() && it.access_list.is_none()) {
                return Err(BadOrder::Wrong("each of its attributes has a `path` and something that is to be set"));
            }
            let notification = it.notification.as_deref().map(notification).transpose()?;
            Ok(SetParameterAttribute { path: it.path, notification, access_list: it.access_list })
        });
        Ok(SetParameterAttributes { parameters: parameters.collect::<Result<_, _>>()? }.into())
    }
}
