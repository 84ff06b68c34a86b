use bytes::Bytes;
use sangam_types::Text;

use crate::arguments::ArgumentsError;
use crate::ordered::Ordered;

/// Puts attachments into the order of their places, as Node's parser does on the way through: places are numbered from 0
/// as they come, each has an attachment of its own, none is without a place. Clients send them so; the JSON is written
/// anew only for one that does not.
///
/// # Errors
/// [`ArgumentsError::NotJson`], and [`ArgumentsError::Placeholder`] for a place of an attachment that is not there.
pub(crate) fn arrange(json: Text, attachments: Vec<Bytes>) -> Result<(Text, Vec<Bytes>), ArgumentsError> {
    let mut value: Ordered = serde_json::from_str(json.as_str()).map_err(|_| ArgumentsError::NotJson)?;
    let mut places = Places { attachments: attachments.len(), numbers: Vec::new(), are_in_order: true };
    places.visit(&mut value)?;
    if places.are_in_order && places.numbers.len() == attachments.len() {
        return Ok((json, attachments));
    }
    let json = serde_json::to_string(&value).map_err(|_| ArgumentsError::NotJson)?;
    let attachments = places.numbers.into_iter().filter_map(|number| attachments.get(number).cloned()).collect();
    Ok((Text::from(json), attachments))
}

struct Places {
    /// How many there are.
    attachments: usize,
    /// For each place so far, which stands there.
    numbers: Vec<usize>,
    /// Whether each place so far is as this server would write it.
    are_in_order: bool,
}

impl Places {
    /// Numbers the places within a value.
    fn visit(&mut self, value: &mut Ordered) -> Result<(), ArgumentsError> {
        if value.is_placeholder() {
            let number = value.as_placeholder().filter(|number| *number < self.attachments);
            let number = number.ok_or(ArgumentsError::Placeholder)?;
            let place = Ordered::placeholder(self.numbers.len());
            self.are_in_order &= *value == place;
            *value = place;
            self.numbers.push(number);
            return Ok(());
        }
        match value {
            Ordered::List(items) => items.iter_mut().try_for_each(|item| self.visit(item)),
            Ordered::Map(members) => members.iter_mut().try_for_each(|(_, member)| self.visit(member)),
            Ordered::Null | Ordered::Bool(_) | Ordered::Number(_) | Ordered::Text(_) => Ok(()),
        }
    }
}
