#!/usr/bin/env python3
"""Schema -> C: generate.py PROTOC PROTOC_C PROTO_DIR OUT_DIR C_PACKAGE SET FILE...

Writes FILE.pb-c.{c,h} below OUT_DIR, their names in C_PACKAGE, and SET, the FileDescriptorSet
as it stands in the schema, which reflection serves.

protoc-c takes the prefix of its names from a file option. Importing that option would make every
user of the schema need protobuf-c's own .proto, so it is added here, to the descriptors alone.
"""
import subprocess
import sys


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def read_varint(data, i):
    n = shift = 0
    while True:
        n |= (data[i] & 127) << shift
        shift += 7
        i += 1
        if data[i - 1] < 128:
            return n, i


def with_option(descriptor_set, package):
    """Appends options { [pb_c_file] { gen_pack_helpers: false const_strings: true c_package } }."""
    pb_c_file = b"\x10\x00" + b"\x20\x01" + field(6, package.encode())
    options = field(8, field(1019, pb_c_file))
    out, i = b"", 0
    while i < len(descriptor_set):
        length, start = read_varint(descriptor_set, i + 1)
        i = start + length
        out += field(1, descriptor_set[start:i] + options)
    return out


def main():
    protoc, protoc_c, proto_dir, out_dir, package, set_path, *files = sys.argv[1:]
    subprocess.run([protoc, "-I" + proto_dir, "--include_imports",
                    "--descriptor_set_out=" + set_path, *files], check=True)
    with open(set_path, "rb") as f:
        optioned = with_option(f.read(), package)
    with open(set_path + ".c", "wb") as f:
        f.write(optioned)
    subprocess.run([protoc_c, "--descriptor_set_in=" + set_path + ".c", "--c_out=" + out_dir,
                    *files], check=True)


main()
