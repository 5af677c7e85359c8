"""The schema in Python, read from the descriptor set of the build, and the JSON dialect of
proto/json.h written a second time, independently, so that both transports can be compared."""
import base64
import os

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

POOL = descriptor_pool.DescriptorPool()
FILES = descriptor_pb2.FileDescriptorSet()
with open(os.environ["HARDMINER_SCHEMA"], "rb") as f:
    FILES.ParseFromString(f.read())
for file in FILES.file:
    POOL.Add(file)

SERVICE = POOL.FindServiceByName("hardminer.v1.Miner")


def message_class(descriptor):
    return message_factory.MessageFactory(POOL).GetPrototype(descriptor)


def _enum_prefix(enum):
    out = ""
    for i, c in enumerate(enum.name):
        if c.isupper() and i:
            out += "_"
        out += c.upper()
    return out + "_"


def _is_list(descriptor):
    return [f.name for f in descriptor.fields] == ["values"]


def _value_in(field, value):
    if field.message_type:
        return from_json(field.message_type, value)
    if field.enum_type:
        prefix = _enum_prefix(field.enum_type)
        name = value.upper()
        return field.enum_type.values_by_name[
            name if name.startswith(prefix) else prefix + name].number
    if field.type == field.TYPE_BYTES:
        return base64.b64decode(value)
    return value


def from_json(descriptor, obj):
    m = message_class(descriptor)()
    if _is_list(descriptor):
        obj = {"values": obj}
    for key, value in obj.items():
        field = descriptor.fields_by_name[key]
        if field.label == field.LABEL_REPEATED:
            if field.message_type:
                getattr(m, key).extend(_value_in(field, v) for v in value)
            else:
                getattr(m, key).extend([_value_in(field, v) for v in value])
        elif field.message_type:
            getattr(m, key).CopyFrom(_value_in(field, value))
        else:
            setattr(m, key, _value_in(field, value))
    return m


def _value_out(field, value):
    if field.message_type:
        return to_json(value)
    if field.enum_type:
        name = field.enum_type.values_by_number[value].name
        return name[len(_enum_prefix(field.enum_type)):].lower()
    if field.type == field.TYPE_BYTES:
        return base64.b64encode(value).decode()
    return value


def to_json(m):
    out = {}
    for field in m.DESCRIPTOR.fields:
        value = getattr(m, field.name)
        if field.label == field.LABEL_REPEATED:
            out[field.name] = [_value_out(field, v) for v in value]
        elif m.HasField(field.name):
            out[field.name] = _value_out(field, value)
    return out["values"] if _is_list(m.DESCRIPTOR) else out
