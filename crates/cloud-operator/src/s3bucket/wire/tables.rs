//! Tables from which types of the SDK get their form: a row for each field, word or switch.

/// Structures, by their fields. `field = "name"` is called so in JSON; `(checked)` where the SDK's builder may refuse.
macro_rules! structures {
    ($($type:ident $(($built:ident))? { $($field:ident $(= $name:literal)? => $set:ident),+ $(,)? })+) => {$(
        impl $crate::s3bucket::wire::Wire for aws_sdk_s3::types::$type {
            fn to_json(&self) -> serde_json::Value {
                $crate::s3bucket::wire::object([
                    $((&structures!(@name $field $($name)?), $crate::s3bucket::wire::Wire::to_json(&self.$field))),+
                ])
            }
            fn of_json(json: &serde_json::Value) -> Option<Self> {
                let builder = Self::builder()
                    $(.$set($crate::s3bucket::wire::field(json, &structures!(@name $field $($name)?))))+;
                structures!(@build builder $($built)?)
            }
        }
    )+};
    (@name $field:ident) => { $crate::s3bucket::wire::name_of(stringify!($field)) };
    (@name $field:ident $name:literal) => { $name };
    (@build $builder:ident) => { Some($builder.build()) };
    (@build $builder:ident checked) => { $builder.build().ok() };
}
pub(super) use structures;

/// Structures around one value: their form is that of the value.
macro_rules! wrappers {
    ($($type:ident $(($built:ident))? { $field:ident => $set:ident })+) => {$(
        impl $crate::s3bucket::wire::Wire for aws_sdk_s3::types::$type {
            fn to_json(&self) -> serde_json::Value {
                $crate::s3bucket::wire::Wire::to_json(&self.$field)
            }
            fn of_json(json: &serde_json::Value) -> Option<Self> {
                let builder = Self::builder().$set(Some($crate::s3bucket::wire::Wire::of_json(json)?));
                $crate::s3bucket::wire::tables::structures!(@build builder $($built)?)
            }
            fn of_nothing() -> Option<Self> {
                let builder = Self::builder().$set(Some($crate::s3bucket::wire::Wire::of_nothing()?));
                $crate::s3bucket::wire::tables::structures!(@build builder $($built)?)
            }
        }
    )+};
}
pub(super) use wrappers;

/// Enumerations of words.
macro_rules! words {
    ($($type:ident),+ $(,)?) => {$(
        impl $crate::s3bucket::wire::Wire for aws_sdk_s3::types::$type {
            fn to_json(&self) -> serde_json::Value {
                self.as_str().into()
            }
            fn of_json(json: &serde_json::Value) -> Option<Self> {
                json.as_str().map(Self::from)
            }
        }
    )+};
}
pub(super) use words;

/// Enumerations of on and off: true and false.
macro_rules! switches {
    ($($type:ident { $on:ident, $off:ident }),+ $(,)?) => {$(
        impl $crate::s3bucket::wire::Wire for aws_sdk_s3::types::$type {
            fn to_json(&self) -> serde_json::Value {
                (*self == Self::$on).into()
            }
            fn of_json(json: &serde_json::Value) -> Option<Self> {
                json.as_bool().map(|on| if on { Self::$on } else { Self::$off })
            }
            fn of_nothing() -> Option<Self> {
                Some(Self::$off)
            }
        }
    )+};
}
pub(super) use switches;

/// What is on as soon as it is there: true.
macro_rules! presences {
    ($($type:ident, $is_on:expr, $on:expr;)+) => {$(
        impl $crate::s3bucket::wire::Wire for aws_sdk_s3::types::$type {
            fn to_json(&self) -> serde_json::Value {
                let is_on: fn(&Self) -> bool = $is_on;
                is_on(self).into()
            }
            fn of_json(json: &serde_json::Value) -> Option<Self> {
                (json == true).then_some($on).and_then(Result::ok)
            }
        }
    )+};
}
pub(super) use presences;

/// What has one value and is not worth a word.
macro_rules! constants {
    ($($type:ident::$value:ident),+ $(,)?) => {$(
        impl $crate::s3bucket::wire::Wire for aws_sdk_s3::types::$type {
            fn to_json(&self) -> serde_json::Value {
                serde_json::Value::Null
            }
            fn of_json(_: &serde_json::Value) -> Option<Self> {
                Some(Self::$value)
            }
            fn of_nothing() -> Option<Self> {
                Some(Self::$value)
            }
        }
    )+};
}
pub(super) use constants;

/// A choice of one.
macro_rules! unions {
    ($($type:ident { $($variant:ident = $name:literal),+ $(,)? })+) => {$(
        impl $crate::s3bucket::wire::Wire for aws_sdk_s3::types::$type {
            fn to_json(&self) -> serde_json::Value {
                match self {
                    $(Self::$variant(value) => $crate::s3bucket::wire::object([(
                        $name,
                        $crate::s3bucket::wire::Wire::to_json(value),
                    )]),)+
                    _ => serde_json::Value::Null,
                }
            }
            fn of_json(json: &serde_json::Value) -> Option<Self> {
                $(if let Some(value) = json.get($name) {
                    return $crate::s3bucket::wire::Wire::of_json(value).map(Self::$variant);
                })+
                None
            }
        }
    )+};
}
pub(super) use unions;
