//! How the parts of messages stand in XML: each type says once how it is read and written.

use crate::reader::{Element, Reader};
use crate::writer::Writer;
use crate::{
    DateTime, DeviceId, EventCode, EventStruct, FaultCode, FaultStruct, ParameterValue, Secret, SoapError, Url,
};

/// Elements side by side: the content of a message or of a structure.
pub(crate) trait Structure: Sized {
    /// Reads up to the end of the element that holds them.
    fn read(reader: &mut Reader<'_>) -> Result<Self, SoapError>;
    /// Writes them, in the schema's order.
    fn write(&self, writer: &mut Writer<'_>);
}

/// What one element of a structure holds.
pub(crate) trait Field {
    /// Reads the element that was just begun, up to its end.
    fn read_into(
        &mut self,
        reader: &mut Reader<'_>,
        element: &Element<'_>,
        name: &'static str,
    ) -> Result<(), SoapError>;
    /// Writes the element, if it is to be there.
    fn write_as(&self, writer: &mut Writer<'_>, name: &'static str);
}

/// What arrays of SOAP hold: `<list arrayType="cwmp:EventStruct[1]"><EventStruct>…`.
pub(crate) trait Item: Sized {
    /// The name of the element.
    const NAME: &'static str;
    /// The type in `arrayType`, with its prefix.
    const TYPE: &'static str;
    /// Which of the limits holds for such lists.
    const BOUND: Bound;
    /// Reads one. `None` if it says nothing, and is left out.
    fn read_item(reader: &mut Reader<'_>) -> Result<Option<Self>, SoapError>;
    /// Writes what stands in its element.
    fn write_item(&self, writer: &mut Writer<'_>);
}

/// Which of the limits of lists.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    Events,
    Parameters,
    Items,
}

/// Says what elements a structure has, in the schema's order, and which field each belongs to.
macro_rules! structure {
    ($name:ident { $($element:literal => $($field:ident).+,)* }) => {
        impl $crate::wire::Structure for $name {
            #[allow(unused_mut, unused_variables, reason = "there are structures without fields")]
            fn read(reader: &mut $crate::reader::Reader<'_>) -> Result<Self, $crate::SoapError> {
                let mut it = Self::default();
                while let Some(child) = reader.child()? {
                    match child.local() {
                        $($element => $crate::wire::Field::read_into(&mut it.$($field).+, reader, &child, $element)?,)*
                        _ => reader.skip_unknown()?,
                    }
                }
                Ok(it)
            }

            #[allow(unused_variables, reason = "there are structures without fields")]
            fn write(&self, writer: &mut $crate::writer::Writer<'_>) {
                $($crate::wire::Field::write_as(&self.$($field).+, writer, $element);)*
            }
        }
    };
}
pub(crate) use structure;

/// Says that a structure is an item of arrays.
macro_rules! item {
    ($name:ident = $element:literal, $bound:ident) => {
        impl $crate::wire::Item for $name {
            const NAME: &'static str = $element;
            const TYPE: &'static str = concat!("cwmp:", $element);
            const BOUND: $crate::wire::Bound = $crate::wire::Bound::$bound;

            fn read_item(reader: &mut $crate::reader::Reader<'_>) -> Result<Option<Self>, $crate::SoapError> {
                $crate::wire::Structure::read(reader).map(Some)
            }

            fn write_item(&self, writer: &mut $crate::writer::Writer<'_>) {
                $crate::wire::Structure::write(self, writer);
            }
        }
    };
}
pub(crate) use item;

/// Says that a type has a number on the wire: `from_number` and `number`.
macro_rules! numbered {
    ($name:ident) => {
        impl $crate::wire::Field for $name {
            fn read_into(
                &mut self,
                reader: &mut $crate::reader::Reader<'_>,
                _: &$crate::reader::Element<'_>,
                name: &'static str,
            ) -> Result<(), $crate::SoapError> {
                *self = Self::from_number(reader.number(name)?);
                Ok(())
            }

            fn write_as(&self, writer: &mut $crate::writer::Writer<'_>, name: &'static str) {
                $crate::wire::Field::write_as(&self.number(), writer, name);
            }
        }
    };
}
pub(crate) use numbered;

/// Says that there is one element for each of a structure, without an array around them.
macro_rules! repeated {
    ($name:ident) => {
        impl $crate::wire::Field for Vec<$name> {
            fn read_into(
                &mut self,
                reader: &mut $crate::reader::Reader<'_>,
                _: &$crate::reader::Element<'_>,
                _: &'static str,
            ) -> Result<(), $crate::SoapError> {
                let (max, bound) = reader.bound($crate::wire::Bound::Items);
                if self.len() == max {
                    return Err($crate::SoapError::Limit { bound });
                }
                self.push($crate::wire::Structure::read(reader)?);
                Ok(())
            }

            fn write_as(&self, writer: &mut $crate::writer::Writer<'_>, name: &'static str) {
                for it in self {
                    $crate::wire::Field::write_as(it, writer, name);
                }
            }
        }
    };
}
pub(crate) use repeated;

impl<T: Structure> Field for T {
    fn read_into(&mut self, reader: &mut Reader<'_>, _: &Element<'_>, _: &'static str) -> Result<(), SoapError> {
        *self = T::read(reader)?;
        Ok(())
    }

    fn write_as(&self, writer: &mut Writer<'_>, name: &'static str) {
        writer.open(name);
        self.write(writer);
        writer.close(name);
    }
}

impl<T: Item> Field for Vec<T> {
    fn read_into(&mut self, reader: &mut Reader<'_>, element: &Element<'_>, _: &'static str) -> Result<(), SoapError> {
        let (max, bound) = reader.bound(T::BOUND);
        let before = self.len();
        let mut items = 0;
        while reader.child()?.is_some() {
            items += 1;
            if before + items > max {
                return Err(SoapError::Limit { bound });
            }
            self.extend(T::read_item(reader)?);
        }
        reader.note_count(element, items);
        Ok(())
    }

    fn write_as(&self, writer: &mut Writer<'_>, name: &'static str) {
        writer.open_array(name, T::TYPE, self.len());
        for item in self {
            writer.open(T::NAME);
            item.write_item(writer);
            writer.close(T::NAME);
        }
        writer.close(name);
    }
}

impl Item for String {
    const NAME: &'static str = "string";
    const TYPE: &'static str = "xsd:string";
    const BOUND: Bound = Bound::Parameters;

    fn read_item(reader: &mut Reader<'_>) -> Result<Option<Self>, SoapError> {
        reader.text().map(Some)
    }

    fn write_item(&self, writer: &mut Writer<'_>) {
        writer.text(self);
    }
}

impl Item for Secret {
    const NAME: &'static str = "base64";
    const TYPE: &'static str = "soap-enc:base64";
    const BOUND: Bound = Bound::Items;

    fn read_item(reader: &mut Reader<'_>) -> Result<Option<Self>, SoapError> {
        Ok(Some(Self::new(reader.text()?)))
    }

    fn write_item(&self, writer: &mut Writer<'_>) {
        writer.text(self.expose());
    }
}

/// An element that may be missing.
impl Field for Option<DateTime> {
    fn read_into(&mut self, reader: &mut Reader<'_>, _: &Element<'_>, _: &'static str) -> Result<(), SoapError> {
        *self = Some(DateTime::new(reader.text()?));
        Ok(())
    }

    fn write_as(&self, writer: &mut Writer<'_>, name: &'static str) {
        if let Some(it) = self {
            it.write_as(writer, name);
        }
    }
}

macro_rules! texts {
    ($($name:ty: $read:expr, $write:expr;)*) => {
        $(impl Field for $name {
            fn read_into(
                &mut self, reader: &mut Reader<'_>, _: &Element<'_>, name: &'static str,
            ) -> Result<(), SoapError> {
                let read: fn(&mut Reader<'_>, &'static str) -> Result<$name, SoapError> = $read;
                *self = read(reader, name)?;
                Ok(())
            }

            fn write_as(&self, writer: &mut Writer<'_>, name: &'static str) {
                let write: fn(&$name, &mut Writer<'_>) = $write;
                writer.open(name);
                write(self, writer);
                writer.close(name);
            }
        })*
    };
}

texts! {
    String: |reader, _| reader.text(), |it, writer| writer.text(it);
    Secret: |reader, _| reader.text().map(Secret::new), |it, writer| writer.text(it.expose());
    Url: |reader, _| reader.text().map(Url::new), |it, writer| writer.text(it.as_str());
    DateTime: |reader, _| reader.text().map(DateTime::new), |it, writer| writer.text(it.as_str());
    EventCode: |reader, _| Ok(EventCode::parse(&reader.text()?)), |it, writer| writer.text(&it.to_string());
    FaultCode: |reader, name| reader.number(name).map(FaultCode::from_number),
        |it, writer| writer.number(it.number());
    bool: |reader, name| reader.boolean(name), |it, writer| writer.text(if *it { "1" } else { "0" });
    u32: |reader, _| Ok(reader.number_if_any()?.unwrap_or_default()), |it, writer| writer.number(*it);
    u64: |reader, _| Ok(reader.number_if_any()?.unwrap_or_default()), |it, writer| writer.number(*it);
    i32: |reader, _| Ok(reader.number_if_any()?.unwrap_or_default()), |it, writer| writer.number(*it);
}

/// `FaultStruct`: always there, with the code 0 if all went well.
impl Field for Option<FaultStruct> {
    fn read_into(&mut self, reader: &mut Reader<'_>, _: &Element<'_>, _: &'static str) -> Result<(), SoapError> {
        let fault = FaultFields::read(reader)?;
        let code = fault.code;
        *self = (code != 0).then(|| FaultStruct { code: FaultCode::from_number(code), text: fault.text });
        Ok(())
    }

    fn write_as(&self, writer: &mut Writer<'_>, name: &'static str) {
        let (code, text) = self.as_ref().map_or((0, ""), |it| (it.code.number(), it.text.as_str()));
        writer.open(name);
        writer.open("FaultCode");
        writer.number(code);
        writer.close("FaultCode");
        writer.open("FaultString");
        writer.text(text);
        writer.close("FaultString");
        writer.close(name);
    }
}

#[derive(Default)]
struct FaultFields {
    code: u16,
    text: String,
}

structure!(FaultFields { "FaultCode" => code, "FaultString" => text, });

impl Field for u16 {
    fn read_into(&mut self, reader: &mut Reader<'_>, _: &Element<'_>, name: &'static str) -> Result<(), SoapError> {
        *self = reader.number(name)?;
        Ok(())
    }

    fn write_as(&self, writer: &mut Writer<'_>, name: &'static str) {
        writer.open(name);
        writer.number(*self);
        writer.close(name);
    }
}

structure!(DeviceId {
    "Manufacturer" => manufacturer,
    "OUI" => oui,
    "ProductClass" => product_class,
    "SerialNumber" => serial_number,
});

structure!(EventStruct { "EventCode" => code, "CommandKey" => command_key, });
item!(EventStruct = "EventStruct", Events);

impl Item for ParameterValue {
    const NAME: &'static str = "ParameterValueStruct";
    const TYPE: &'static str = "cwmp:ParameterValueStruct";
    const BOUND: Bound = Bound::Parameters;

    fn read_item(reader: &mut Reader<'_>) -> Result<Option<Self>, SoapError> {
        let mut it = Self::new("", "", crate::ValueKind::Untyped);
        while let Some(child) = reader.child()? {
            match child.local() {
                "Name" => it.path = reader.text()?,
                "Value" => {
                    it.kind = reader.kind_of(&child);
                    it.value = reader.text()?;
                }
                _ => reader.skip_unknown()?,
            }
        }
        Ok((!it.path.is_empty()).then_some(it))
    }

    fn write_item(&self, writer: &mut Writer<'_>) {
        writer.open("Name");
        writer.text(&self.path);
        writer.close("Name");
        writer.open_typed("Value", &self.kind);
        writer.text(&self.value);
        writer.close("Value");
    }
}
