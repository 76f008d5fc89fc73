// Quantizes a model with the library and runs the result on one input: the calls behind `precis quantize` and `precis run`.
// Usage: quantize_and_run MODEL.onnx CALIBRATION_DATA OUTPUT.onnx
#include <precis/core/error.h>
#include <precis/flow/provenance.h>
#include <precis/flow/quantize_flow.h>
#include <precis/onnx/onnx_io.h>
#include <precis/runtime/session.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: quantize_and_run MODEL.onnx CALIBRATION_DATA OUTPUT.onnx\n");
    return 2;
  }
  try {
    // 1. Quantize: a recipe of four stages, calibrated on the given data.
    precis::flow::QuantizeRequest request;
    request.input = argv[1];
    request.output = argv[3];
    request.calib = precis::data::parse_data_spec(argv[2]);
    request.recipe = precis::flow::parse_recipe("{recipe: 1, stages: [prepare, calibrate, quantize_static, write]}", "example");
    request.overwrite = precis::Overwrite::kReplace;
    const precis::flow::QuantizeResult result = precis::flow::quantize(request);
    std::printf("%llu -> %llu bytes\n", static_cast<unsigned long long>(result.before.bytes),
                static_cast<unsigned long long>(result.after.bytes));

    // 2. Run the int8 file on one sample of the data.
    const auto model = precis::onnx_io::read_model(argv[3]).model;
    precis::runtime::Session session(precis::runtime::Program::compile(model.graph), 1);
    precis::data::DataSpec spec = *request.calib;
    spec.preprocess = precis::flow::find_preprocess("", argv[1], model);
    const auto source = precis::data::open_source(spec, precis::flow::input_specs(model.graph));
    const auto outputs = session.run(source->get(0).inputs);
    std::printf("output %s, first value %g\n", outputs[0].shape().str().c_str(), outputs[0].at_double(0));
  } catch (const precis::Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return static_cast<int>(e.code());
  }
  return 0;
}
