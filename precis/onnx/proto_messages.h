// The ONNX message classes (protobuf), for the .cpp files and proto_*.h headers of this room only.
#pragma once

#define ONNX_ML 1
#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx-data_pb.h>
#include <onnx/onnx_pb.h>
