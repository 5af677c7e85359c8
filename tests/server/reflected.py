"""A gRPC client that knows nothing of the schema but what the daemon's reflection tells it."""
import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1),
           ("grpc.use_local_subchannel_pool", 1)]
# Fields of the public ServerReflectionRequest.
BY_FILENAME, CONTAINING_SYMBOL, CONTAINING_EXTENSION, EXTENSION_NUMBERS, LIST_SERVICES = 3, 4, 5, 6, 7


def channel_to(address, *options):
    return grpc.insecure_channel(address, options=OPTIONS + list(options))


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def encode(number, payload):
    """One length-delimited field."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def decode(data):
    """The fields of a message as (number, bytes or int) pairs."""
    def read(i):
        n = shift = 0
        while True:
            n |= (data[i] & 127) << shift
            shift += 7
            i += 1
            if data[i - 1] < 128:
                return n, i
    fields, i = [], 0
    while i < len(data):
        key, i = read(i)
        value, i = read(i)
        if key & 7 == 2:
            value, i = data[i:i + value], i + value
        fields.append((key >> 3, value))
    return fields


def ask(channel, version, *questions):
    """Raw answers to raw questions over one reflection stream."""
    method = channel.stream_stream(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo")
    return list(method(iter(questions), timeout=20))


def field(answer, number):
    return [value for n, value in decode(answer) if n == number]


def services(channel, version="v1"):
    answer, = ask(channel, version, encode(LIST_SERVICES, b"*"))
    return [field(s, 1)[0].decode() for s in field(field(answer, 6)[0], 1)]


def files(channel, kind, name, version="v1"):
    """FileDescriptorProtos, or None when the daemon says NOT_FOUND."""
    answer, = ask(channel, version, encode(kind, name.encode()))
    if field(answer, 7):
        assert field(field(answer, 7)[0], 1) == [5], answer
        return None
    return [descriptor_pb2.FileDescriptorProto.FromString(f) for f in field(field(answer, 4)[0], 1)]


class Miner:
    """The service, its messages made from what reflection says."""

    def __init__(self, channel, version="v1"):
        self.channel = channel
        self.pool = descriptor_pool.DescriptorPool()
        waiting = files(channel, CONTAINING_SYMBOL, "hardminer.v1.Miner", version)
        known = set()
        while waiting:
            ready = [f for f in waiting if known.issuperset(f.dependency)]
            assert ready, "the answer lacks a dependency"
            for f in ready:
                self.pool.Add(f)
                known.add(f.name)
            waiting = [f for f in waiting if f.name not in known]
        self.factory = message_factory.MessageFactory(self.pool)
        self.service = self.pool.FindServiceByName("hardminer.v1.Miner")

    def type(self, descriptor):
        return self.factory.GetPrototype(descriptor)

    def message(self, name, **fields):
        return self.type(self.pool.FindMessageTypeByName("hardminer.v1." + name))(**fields)

    def request(self, name, **fields):
        return self.type(self.service.FindMethodByName(name).input_type)(**fields)

    def stub(self, name, raw=False):
        """The callable of an rpc; raw sends bytes as they are."""
        method = self.service.FindMethodByName(name)
        proto = descriptor_pb2.MethodDescriptorProto()
        method.CopyToProto(proto)
        shape = (("stream" if proto.client_streaming else "unary") + "_" +
                 ("stream" if proto.server_streaming else "unary"))
        return getattr(self.channel, shape)(
            f"/hardminer.v1.Miner/{name}",
            request_serializer=None if raw else type(self.request(name)).SerializeToString,
            response_deserializer=self.type(method.output_type).FromString)
