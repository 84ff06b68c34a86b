//! The schema of messages: field numbers of usp-msg-1-4, and what each field holds.

use crate::shape::Kind::{Enumeration, Fixed32, Message, Number, Text};
use crate::shape::{MAP_ENTRY, Shape, choice, many, one};

pub(super) static MSG: Shape = Shape(&[one(1, Message(&HEADER)), one(2, Message(&BODY))]);
pub(super) static HEADER: Shape = Shape(&[one(1, Text), one(2, Enumeration(22))]);
static BODY: Shape = Shape(&[choice(1, Message(&REQUEST)), choice(2, Message(&RESPONSE)), choice(3, Message(&ERROR))]);
static REQUEST: Shape = Shape(&[
    choice(1, Message(&GET)),
    choice(2, Message(&GET_SUPPORTED_DM)),
    choice(3, Message(&GET_INSTANCES)),
    choice(4, Message(&ADD_OR_SET)),
    choice(5, Message(&ADD_OR_SET)),
    choice(6, Message(&DELETE)),
    choice(7, Message(&OPERATE)),
    choice(8, Message(&NOTIFY)),
    choice(9, Message(&ONE_TEXT)),
    choice(10, Message(&REGISTER)),
    choice(11, Message(&TEXTS)),
]);
static RESPONSE: Shape = Shape(&[
    choice(1, Message(&GET_RESP)),
    choice(2, Message(&GET_SUPPORTED_DM_RESP)),
    choice(3, Message(&GET_INSTANCES_RESP)),
    choice(4, Message(&SET_RESP)),
    choice(5, Message(&ADD_RESP)),
    choice(6, Message(&DELETE_RESP)),
    choice(7, Message(&OPERATE_RESP)),
    choice(8, Message(&ONE_TEXT)),
    choice(9, Message(&ONE_TEXT)),
    choice(10, Message(&REGISTER_RESP)),
    choice(11, Message(&DEREGISTER_RESP)),
]);

static ONE_TEXT: Shape = Shape(&[one(1, Text)]);
static TEXTS: Shape = Shape(&[many(1, Text)]);
static FAILURE: Shape = Shape(&[one(1, Fixed32), one(2, Text)]);
static PATH_ERROR: Shape = Shape(&[one(1, Text), one(2, Fixed32), one(3, Text)]);
static ERROR: Shape = Shape(&[one(1, Fixed32), one(2, Text), many(3, Message(&PATH_ERROR))]);

static GET: Shape = Shape(&[many(1, Text), one(2, Fixed32)]);
static GET_RESP: Shape = Shape(&[many(1, Message(&GET_PATH))]);
static GET_PATH: Shape = Shape(&[one(1, Text), one(2, Fixed32), one(3, Text), many(4, Message(&RESOLVED))]);
static RESOLVED: Shape = Shape(&[one(1, Text), many(2, Message(&MAP_ENTRY))]);

static GET_INSTANCES: Shape = Shape(&[many(1, Text), one(2, Number)]);
static GET_INSTANCES_RESP: Shape = Shape(&[many(1, Message(&INSTANCES_PATH))]);
static INSTANCES_PATH: Shape = Shape(&[one(1, Text), one(2, Fixed32), one(3, Text), many(4, Message(&RESOLVED))]);

static GET_SUPPORTED_DM: Shape =
    Shape(&[many(1, Text), one(2, Number), one(3, Number), one(4, Number), one(5, Number), one(6, Number)]);
static GET_SUPPORTED_DM_RESP: Shape = Shape(&[many(1, Message(&SUPPORTED_PATH))]);
static SUPPORTED_PATH: Shape =
    Shape(&[one(1, Text), one(2, Fixed32), one(3, Text), one(4, Text), many(5, Message(&SUPPORTED_OBJECT))]);
static SUPPORTED_OBJECT: Shape = Shape(&[
    one(1, Text),
    one(2, Enumeration(3)),
    one(3, Number),
    many(4, Message(&SUPPORTED_COMMAND)),
    many(5, Message(&SUPPORTED_EVENT)),
    many(6, Message(&SUPPORTED_PARAM)),
    many(7, Text),
    many(8, Message(&TEXTS)),
]);
static SUPPORTED_COMMAND: Shape = Shape(&[one(1, Text), many(2, Text), many(3, Text), one(4, Enumeration(2))]);
static SUPPORTED_EVENT: Shape = Shape(&[one(1, Text), many(2, Text)]);
static SUPPORTED_PARAM: Shape =
    Shape(&[one(1, Text), one(2, Enumeration(2)), one(3, Enumeration(10)), one(4, Enumeration(2))]);

static ADD_OR_SET: Shape = Shape(&[one(1, Number), many(2, Message(&OBJECT_SETTINGS))]);
static OBJECT_SETTINGS: Shape = Shape(&[one(1, Text), many(2, Message(&PARAM_SETTING))]);
static PARAM_SETTING: Shape = Shape(&[one(1, Text), one(2, Text), one(3, Number)]);

static ADD_RESP: Shape = Shape(&[many(1, Message(&ADD_RESULT))]);
static ADD_RESULT: Shape = Shape(&[one(1, Text), one(2, Message(&ADD_STATUS))]);
static ADD_STATUS: Shape = Shape(&[choice(1, Message(&FAILURE)), choice(2, Message(&WRITTEN))]);
/// An instance, errors at parameters, values.
static WRITTEN: Shape = Shape(&[one(1, Text), many(2, Message(&PATH_ERROR)), many(3, Message(&MAP_ENTRY))]);

static SET_RESP: Shape = Shape(&[many(1, Message(&SET_RESULT))]);
static SET_RESULT: Shape = Shape(&[one(1, Text), one(2, Message(&SET_STATUS))]);
static SET_STATUS: Shape = Shape(&[choice(1, Message(&SET_FAILURE)), choice(2, Message(&SET_SUCCESS))]);
static SET_FAILURE: Shape = Shape(&[one(1, Fixed32), one(2, Text), many(3, Message(&INSTANCE_FAILURE))]);
static INSTANCE_FAILURE: Shape = Shape(&[one(1, Text), many(2, Message(&PATH_ERROR))]);
static SET_SUCCESS: Shape = Shape(&[many(1, Message(&WRITTEN))]);

static DELETE: Shape = Shape(&[one(1, Number), many(2, Text)]);
static DELETE_RESP: Shape = Shape(&[many(1, Message(&DELETE_RESULT))]);
static DELETE_RESULT: Shape = Shape(&[one(1, Text), one(2, Message(&DELETE_STATUS))]);
static DELETE_STATUS: Shape = Shape(&[choice(1, Message(&FAILURE)), choice(2, Message(&DELETE_SUCCESS))]);
static DELETE_SUCCESS: Shape = Shape(&[many(1, Text), many(2, Message(&PATH_ERROR))]);

static OPERATE: Shape = Shape(&[one(1, Text), one(2, Text), one(3, Number), many(4, Message(&MAP_ENTRY))]);
static OPERATE_RESP: Shape = Shape(&[many(1, Message(&OPERATION_RESULT))]);
static OPERATION_RESULT: Shape =
    Shape(&[one(1, Text), choice(2, Text), choice(3, Message(&MAP)), choice(4, Message(&FAILURE))]);
static MAP: Shape = Shape(&[many(1, Message(&MAP_ENTRY))]);

static NOTIFY: Shape = Shape(&[
    one(1, Text),
    one(2, Number),
    choice(3, Message(&EVENT)),
    choice(4, Message(&MAP_ENTRY)),
    choice(5, Message(&RESOLVED)),
    choice(6, Message(&ONE_TEXT)),
    choice(7, Message(&OPERATION_COMPLETE)),
    choice(8, Message(&ON_BOARD_REQUEST)),
]);
static EVENT: Shape = Shape(&[one(1, Text), one(2, Text), many(3, Message(&MAP_ENTRY))]);
static OPERATION_COMPLETE: Shape =
    Shape(&[one(1, Text), one(2, Text), one(3, Text), choice(4, Message(&MAP)), choice(5, Message(&FAILURE))]);
static ON_BOARD_REQUEST: Shape = Shape(&[one(1, Text), one(2, Text), one(3, Text), one(4, Text)]);

static REGISTER: Shape = Shape(&[one(1, Number), many(2, Message(&ONE_TEXT))]);
static REGISTER_RESP: Shape = Shape(&[many(1, Message(&REGISTER_RESULT))]);
static REGISTER_RESULT: Shape = Shape(&[one(1, Text), one(2, Message(&REGISTER_STATUS))]);
static REGISTER_STATUS: Shape = Shape(&[choice(1, Message(&FAILURE)), choice(2, Message(&ONE_TEXT))]);
static DEREGISTER_RESP: Shape = Shape(&[many(1, Message(&DEREGISTER_RESULT))]);
static DEREGISTER_RESULT: Shape = Shape(&[one(1, Text), one(2, Message(&DEREGISTER_STATUS))]);
static DEREGISTER_STATUS: Shape = Shape(&[choice(1, Message(&FAILURE)), choice(2, Message(&TEXTS))]);
