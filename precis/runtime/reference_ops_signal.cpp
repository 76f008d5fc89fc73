// Signals: BlackmanWindow, HammingWindow, HannWindow, MelWeightMatrix, DFT, STFT.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "precis/core/limits.h"
#include "precis/graph/onnx_dtype.h"
#include "precis/kernels/reference/fourier.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {
namespace {

using kernels::reference::Fourier;
using Complex = std::complex<double>;

int64_t int_scalar(const Node& node, Inputs inputs, size_t i, const char* what, int64_t lo) {
  const Tensor& t = required(node, inputs, i);
  require(node, t.numel() == 1, "{} has shape {}, expected a scalar", what, t.shape().str());
  const int64_t v = t.at_int(0);
  require(node, v >= lo && v <= int64_t{1} << 30, "{} is {}, expected {} or more", what, v, lo);
  return v;
}

Tensor as_output_type(const Node& node, const Tensor& t) {
  const int64_t code = node.get_int("output_datatype", 0);  // 0: undefined, the default
  const DType dtype = code == 0 ? DType::kF32 : dtype_from_onnx_code(code);
  return dtype == t.dtype() ? t : t.cast(dtype);
}

// --- windows: a - b cos(t) + c cos(2 t), t from 0 to 2 pi

struct Cosines {
  double a, b, c;
};
constexpr Cosines kBlackman{0.42, 0.5, 0.08}, kHamming{25.0 / 46, 21.0 / 46, 0}, kHann{0.5, 0.5, 0};

template <const Cosines& w>
Tensors window(const Node& node, Inputs inputs) {
  const int64_t size = int_scalar(node, inputs, 0, "the size", 0);
  const int64_t period = node.get_int("periodic", 1) != 0 ? size : size - 1;
  Tensor y(DType::kF64, {size});
  for (int64_t i = 0; i < size; ++i) {
    const double t = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(period);
    // A symmetric window of one element is its middle.
    ptr<double>(y)[i] = period == 0 ? 1 : w.a - w.b * std::cos(t) + w.c * std::cos(2 * t);
  }
  return one(as_output_type(node, y));
}

// --- mel filters: triangles over the bins of a spectrum

double mel_of(double hertz) { return 2595 * std::log10(1 + hertz / 700); }
double hertz_of(double mel) { return 700 * (std::pow(10, mel / 2595) - 1); }

Tensors mel_weights(const Node& node, Inputs inputs) {
  const int64_t filters = int_scalar(node, inputs, 0, "the number of mel bins", 1),
                length = int_scalar(node, inputs, 1, "the DFT length", 1),
                rate = int_scalar(node, inputs, 2, "the sample rate", 1), bins = length / 2 + 1;
  const double low = mel_of(required(node, inputs, 3).at_double(0)),
               high = mel_of(required(node, inputs, 4).at_double(0));
  std::vector<int64_t> edges;  // bins where a triangle starts, has its top, and ends
  for (int64_t i = 0; i < filters + 2; ++i) {
    const double mel = low + static_cast<double>(i) * (high - low) / static_cast<double>(filters + 2);
    const double bin =
        std::floor(static_cast<double>(length + 1) * hertz_of(mel) / static_cast<double>(rate));
    require(node, bin >= 0 && bin < static_cast<double>(bins),
            "a filter reaches the spectrum's bin {}, the last is {}", bin, bins - 1);
    edges.push_back(static_cast<int64_t>(bin));
  }
  Tensor y(DType::kF64, {bins, filters});
  for (int64_t f = 0; f < filters; ++f) {
    const auto i = static_cast<size_t>(f);
    const int64_t start = edges[i], top = edges[i + 1], end = edges[i + 2];
    for (int64_t b = start; b <= top; ++b)
      ptr<double>(y)[b * filters + f] =
          start == top ? 1 : static_cast<double>(b - start) / static_cast<double>(top - start);
    for (int64_t b = top; b < end; ++b)
      ptr<double>(y)[b * filters + f] = static_cast<double>(end - b) / static_cast<double>(end - top);
  }
  return one(as_output_type(node, y));
}

// --- Fourier transforms along one axis of [outer, n, inner, parts]

struct Rows {
  int64_t outer = 1, n = 1, inner = 1, parts = 1;
  int64_t at(int64_t o, int64_t k, int64_t i) const { return ((o * n + k) * inner + i) * parts; }
};

template <typename T>
void load(const Rows& r, const T* x, int64_t o, int64_t i, std::span<Complex> signal) {
  std::fill(signal.begin(), signal.end(), Complex());
  const auto count = std::min<int64_t>(r.n, static_cast<int64_t>(signal.size()));
  for (int64_t k = 0; k < count; ++k) {
    const T* v = x + r.at(o, k, i);
    signal[static_cast<size_t>(k)] = {static_cast<double>(v[0]),
                                      r.parts == 2 ? static_cast<double>(v[1]) : 0};
  }
}

template <typename T>
void store(const Rows& r, std::span<const Complex> signal, int64_t o, int64_t i, T* y) {
  for (int64_t k = 0; k < r.n; ++k) {
    T* v = y + r.at(o, k, i);
    v[0] = static_cast<T>(signal[static_cast<size_t>(k)].real());
    if (r.parts == 2) v[1] = static_cast<T>(signal[static_cast<size_t>(k)].imag());
  }
}

// The second half of a real signal's spectrum mirrors the first, whose ends are real.
void mirror(std::span<Complex> spectrum) {
  const size_t n = spectrum.size();
  spectrum[0] = spectrum[0].real();
  if (n % 2 == 0) spectrum[n / 2] = spectrum[n / 2].real();
  for (size_t k = n / 2 + 1; k < n; ++k) spectrum[k] = std::conj(spectrum[n - k]);
}

// The tables and work space of a transform, at their largest (Bluestein), do not go through Tensor.
void require_memory(const Node& node, int64_t length) {
  const uint64_t needed = static_cast<uint64_t>(length) * 14 * sizeof(Complex);
  const uint64_t most = limits().max_memory != 0 ? limits().max_memory : physical_memory();
  if (needed > most)
    fail_node(node, ErrorCode::kLimit, "a transform of {} elements needs {} bytes, the limit is {}", length,
              needed, most);
}

int64_t signal_parts(const Node& node, const Shape& s) {
  require(node, s.rank() >= 2 && (s[s.rank() - 1] == 1 || s[s.rank() - 1] == 2),
          "the signal has shape {}, expected 1 (real) or 2 (complex) at its end", s.str());
  return s[s.rank() - 1];
}

Tensors dft(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const int rank = x.shape().rank();
  const bool inverse = node.get_int("inverse", 0) != 0, onesided = node.get_int("onesided", 0) != 0;
  Rows from{1, 1, 1, signal_parts(node, x.shape())};
  const int64_t given = optional(inputs, 2) ? required(node, inputs, 2).at_int(0) : -2;
  const int axis = axis_of(node, given, rank);
  require(node, axis < rank - 1, "axis {} is that of real and imaginary parts", given);
  require(node, !onesided || inverse || from.parts == 1, "a one-sided transform of a complex signal");
  from.outer = x.shape().outer(axis);
  from.n = x.shape()[axis];
  from.inner = x.shape().inner(axis + 1) / from.parts;
  const bool to_real = inverse && onesided;
  const int64_t length = optional(inputs, 1) ? int_scalar(node, inputs, 1, "the DFT length", 1)
                         : to_real           ? 2 * (from.n - 1)
                                             : from.n;
  require(node, length >= 1, "a transform of {} elements", length);
  require_memory(node, length);
  require_steps(node,
                Fourier::steps(length) * static_cast<double>(from.outer) * static_cast<double>(from.inner));
  Rows to = from;
  to.n = onesided && !inverse ? length / 2 + 1 : length;
  to.parts = to_real ? 1 : 2;
  Shape shape = x.shape();
  shape[axis] = to.n;
  shape[rank - 1] = to.parts;
  Tensor y(x.dtype(), shape);
  const Fourier fourier(length, inverse);
  std::vector<Complex> signal(static_cast<size_t>(length));
  for_float(node, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for (int64_t o = 0; o < from.outer; ++o)
      for (int64_t i = 0; i < from.inner; ++i) {
        load(from, ptr<T>(x), o, i, signal);
        if (to_real) mirror(signal);
        fourier.run(signal);
        store(to, signal, o, i, ptr<T>(y));
      }
  });
  return one(std::move(y));
}

Tensors stft(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const int64_t step = int_scalar(node, inputs, 1, "the frame step", 1);
  const bool onesided = node.get_int("onesided", 1) != 0;
  const int64_t parts = signal_parts(node, x.shape());
  require(node, x.shape().rank() == 3, "the signal has shape {}, expected rank 3", x.shape().str());
  require(node, !onesided || parts == 1, "a one-sided transform of a complex signal");
  const Tensor* weights = optional(inputs, 2);
  require(node, weights || optional(inputs, 3), "there is neither a window nor a frame length");
  const int64_t length =
      optional(inputs, 3) ? int_scalar(node, inputs, 3, "the frame length", 1) : weights->numel();
  if (weights) required(node, inputs, 2, x.dtype(), length);
  const int64_t total = x.shape()[1];
  require(node, length >= 1 && length <= total, "frames have {} elements, the signal {}", length, total);
  require_memory(node, length);
  const int64_t frames = (total - length) / step + 1, bins = onesided ? length / 2 + 1 : length;
  require_steps(node,
                Fourier::steps(length) * static_cast<double>(x.shape()[0]) * static_cast<double>(frames));
  Tensor y(x.dtype(), {x.shape()[0], frames, bins, 2});
  const Rows from{1, length, 1, parts}, to{1, bins, 1, 2};
  const Fourier fourier(length, false);
  std::vector<Complex> frame(static_cast<size_t>(length));
  for_float(node, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    T* out = ptr<T>(y);
    for (int64_t b = 0; b < x.shape()[0]; ++b)
      for (int64_t f = 0; f < frames; ++f, out += bins * 2) {
        load(from, ptr<T>(x) + (b * total + f * step) * parts, 0, 0, frame);
        for (size_t k = 0; weights && k < frame.size(); ++k)
          frame[k] *= static_cast<double>(ptr<T>(*weights)[k]);
        fourier.run(frame);
        store(to, frame, 0, 0, out);
      }
  });
  return one(std::move(y));
}

constexpr ReferenceOp kOps[] = {
    {"", "BlackmanWindow", window<kBlackman>}, {"", "DFT", widened<dft>},
    {"", "HammingWindow", window<kHamming>},   {"", "HannWindow", window<kHann>},
    {"", "MelWeightMatrix", mel_weights},      {"", "STFT", widened<stft>},
};

}  // namespace

std::span<const ReferenceOp> signal_ops() { return kOps; }

}  // namespace precis::runtime
