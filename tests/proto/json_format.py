"""Our codec against the protobuf project's own: json_format.py RECODE SCHEMA_SET

Random messages of every type of the schema go both ways: packed here, written as JSON there, read
back here; and written as JSON here, read there, unpacked here. The two dialects differ in enum
names and in messages that are a bare list; translate() maps one to the other. Names are sent in
lowerCamelCase and 64-bit integers as strings, which is how the other side writes them.
"""
import json
import math
import random
import struct
import subprocess
import sys

try:
    from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
    from google.protobuf.descriptor import FieldDescriptor as F
except ImportError:
    print("1..0 # SKIP python3-protobuf is not installed")
    sys.exit(0)

ROUNDS = 12
random.seed(7)

INTEGERS = {
    F.TYPE_INT32: (-2**31, 2**31 - 1), F.TYPE_UINT32: (0, 2**32 - 1),
    F.TYPE_INT64: (-2**63, 2**63 - 1), F.TYPE_UINT64: (0, 2**64 - 1),
}
CHARACTERS = ["a", "Z", " ", '"', "\\", "/", "\n", "\x01", "\x7f", "\u00e9", "\u20ac", "\u2028",
              "\ufffd", "\U0001f600", "\U0010ffff"]


def number(code, width):
    while True:
        kind = random.random()
        if kind < 0.3:
            value = random.choice([0.0, -0.0, 1.0, -1.0, 0.1, 1e-3, 16777217.0, 1e15])
        elif kind < 0.5:
            value = random.uniform(-1, 1)
        else:
            value = struct.unpack(code, random.randbytes(width))[0]
        value = struct.unpack(code, struct.pack(code, value))[0]
        if math.isfinite(value):
            return value


def scalar(f):
    if f.type in INTEGERS:
        low, high = INTEGERS[f.type]
        return random.choice([low, high, 0, 1, random.randint(low, high)])
    if f.type == F.TYPE_FLOAT:
        return number("<f", 4)
    if f.type == F.TYPE_DOUBLE:
        return number("<d", 8)
    if f.type == F.TYPE_BOOL:
        return random.random() < 0.5
    if f.type == F.TYPE_ENUM:
        return random.choice(f.enum_type.values).number
    if f.type == F.TYPE_BYTES:
        return random.randbytes(random.randrange(8))
    return "".join(random.choices(CHARACTERS, k=random.randrange(12)))


def fill(m, depth=0):
    for f in m.DESCRIPTOR.fields:
        repeated = f.label == F.LABEL_REPEATED
        if random.random() < 0.3 + 0.1 * depth:
            continue
        for _ in range(random.randrange(4) if repeated else 1):
            if f.type == F.TYPE_MESSAGE:
                at = getattr(m, f.name)
                below = at.add() if repeated else at
                below.SetInParent()
                fill(below, depth + 1)
            elif repeated:
                getattr(m, f.name).append(scalar(f))
            else:
                setattr(m, f.name, scalar(f))
    return m


def is_list(d):
    return [f.name for f in d.fields] == ["values"]


def prefix(enum):
    name = "".join("_" + c if c.isupper() else c for c in enum.name)
    return name[1:].upper() + "_"


def translate(value, d, ours):
    """JSON of a message between our dialect and the standard one; `ours` says which comes in."""
    if is_list(d):
        return {"values": value} if ours else value.get("values", [])
    out = {}
    for name, v in value.items():
        f = d.fields_by_name.get(name) or d.fields_by_camelcase_name[name]
        one = lambda x: x
        if f.type == F.TYPE_MESSAGE:
            one = lambda x: translate(x, f.message_type, ours)
        elif f.type == F.TYPE_ENUM:
            p = prefix(f.enum_type)
            one = lambda x: p + x.upper() if ours else x[len(p):].lower()
        out[name] = [one(x) for x in v] if f.label == F.LABEL_REPEATED else one(v)
    return out


class Recode:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, form, d, data):
        self.process.stdin.write(b"%s %s %d\n" % (form.encode(), d.full_name.encode(), len(data)))
        self.process.stdin.write(data)
        self.process.stdin.flush()
        status, length = self.process.stdout.readline().split()
        return status.decode(), self.process.stdout.read(int(length))


def strict(text):
    def no_constants(name):
        raise ValueError(name)
    return json.loads(text.decode("utf-8"), parse_constant=no_constants)


def schemas(path):
    files = descriptor_pb2.FileDescriptorSet()
    with open(path, "rb") as f:
        files.ParseFromString(f.read())
    pool = descriptor_pool.DescriptorPool()
    for f in files.file:
        pool.Add(f)
    factory = message_factory.MessageFactory(pool)
    for f in files.file:
        for name in pool.FindFileByName(f.name).message_types_by_name.values():
            yield factory.GetPrototype(name)


def check_out(recode, m):
    status, text = recode("protobuf", m.DESCRIPTOR, m.SerializeToString())
    assert status == "ok", status
    standard = translate(strict(text), m.DESCRIPTOR, True)
    assert json_format.ParseDict(standard, type(m)()) == m, text


def check_in(recode, m):
    standard = json_format.MessageToDict(m)
    text = json.dumps(translate(standard, m.DESCRIPTOR, False), ensure_ascii=random.random() < 0.5)
    status, data = recode("json", m.DESCRIPTOR, text.encode())
    assert status == "ok", (status, text)
    assert type(m).FromString(data) == m, text


def main():
    recode = Recode(sys.argv[1])
    types = list(schemas(sys.argv[2]))
    print("1..%d" % len(types))
    failed = 0
    for n, kind in enumerate(types, 1):
        try:
            for _ in range(ROUNDS):
                m = fill(kind())
                check_out(recode, m)
                check_in(recode, m)
            print("ok %d - %s" % (n, kind.DESCRIPTOR.name))
        except (AssertionError, ValueError, json_format.Error) as e:
            failed += 1
            print("not ok %d - %s" % (n, kind.DESCRIPTOR.name))
            print("# %s" % repr(e)[:2000])
    sys.exit(failed > 0)


main()
