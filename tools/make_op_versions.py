"""Writes precis/onnx/op_versions_data.inc: what each version of each ONNX operator accepts.

Run with any Python that has the onnx package of the newest opset that Precis reads:
    python tools/make_op_versions.py > precis/onnx/op_versions_data.inc
Only facts are taken (operator, version, counts, attribute names and defaults, element types); the file is committed, so
building Precis needs neither Python nor the package.
"""
import onnx
from onnx import defs

TYPES = ["float", "double", "float16", "bfloat16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64",
         "uint64", "bool", "int4", "uint4", "int2", "uint2", "float8e4m3fn", "float8e4m3fnuz",
         "float8e5m2", "float8e5m2fnuz", "float8e8m0", "float4e2m1"]  # in the order of precis::DType
NEWEST = 27


def mask(schema, type_str):
    names = {type_str}
    for constraint in schema.type_constraints:
        if constraint.type_param_str == type_str:
            names = set(constraint.allowed_type_strs)
    return sum(1 << i for i, t in enumerate(TYPES) if f"tensor({t})" in names)


def masks(schema, formals):
    return "{" + ", ".join(f"0x{mask(schema, f.type_str):x}" for f in formals) + "}"


def default(attribute):
    value = attribute.default_value
    if value.type == onnx.AttributeProto.INT:
        return f"={value.i}"
    if value.type == onnx.AttributeProto.STRING:
        return f"={value.s.decode()}"
    return ""


def limit(count):
    return 255 if count > 250 else count


def main():
    assert defs.onnx_opset_version() >= NEWEST
    print("// Written by tools/make_op_versions.py from the ONNX operator schemas; not to be edited by hand.")
    print("// {operator, since version, usable, min inputs, max inputs, max outputs, input types, output types, attributes}")
    schemas = [s for s in defs.get_all_schemas_with_history() if s.domain == "" and s.since_version <= NEWEST]
    newest = {}
    for s in schemas:
        newest[s.name] = max(newest.get(s.name, 0), s.since_version)
    for s in sorted(schemas, key=lambda s: (s.name, s.since_version)):
        gone = s.deprecated and s.since_version == newest[s.name]  # GroupNormalization came back in another form
        attributes = " ".join(k + default(a) for k, a in sorted(s.attributes.items()))
        print(f'{{"{s.name}", {s.since_version}, {0 if gone else 1}, {limit(s.min_input)}, {limit(s.max_input)}, '
              f'{limit(s.max_output)}, {masks(s, s.inputs)}, {masks(s, s.outputs)}, "{attributes}"}},')


main()
