# The commands of Precis. `make demo` and `make test` do everything on a fresh Debian 12, dependencies included.
SHELL := /bin/bash
JOBS ?= $(shell nproc)
PACKAGES := build-essential cmake ninja-build ccache pkg-config clang-format \
  libonnx-dev libonnx-testdata libprotobuf-dev protobuf-compiler libdnnl-dev ocl-icd-opencl-dev libhwy-dev libeigen3-dev \
  libcli11-dev libfmt-dev nlohmann-json3-dev libyaml-cpp-dev libjpeg62-turbo-dev libpng-dev zlib1g-dev libxxhash-dev \
  libgtest-dev libgmock-dev dataset-fashion-mnist

.PHONY: all deps build test test-fast demo asan tsan clang format tidy peers bench clean
all: build

deps:
	@tools/install_packages.sh $(PACKAGES)

build: deps
	@cmake --preset release >/dev/null
	@cmake --build build/release -j $(JOBS)
	@ln -sfn release/precis/cli/precis build/precis

test: build
	@ctest --test-dir build/release -j $(JOBS) --output-on-failure

test-fast: build
	@ctest --test-dir build/release -j $(JOBS) --output-on-failure -LE slow

demo: build
	@examples/fashion_mnist/demo.sh

# Address and undefined-behaviour sanitizers over the fast tests.
asan: deps
	@cmake --preset asan >/dev/null
	@cmake --build build/asan -j $(JOBS)
	@ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 ctest --test-dir build/asan -j $(JOBS) --output-on-failure -LE 'slow|install'

# Thread sanitizer over the tests that share sessions and loops between threads. Clang, because its OpenMP runtime tells the sanitizer
# (through libarcher) what it synchronizes; oneDNN and the runtime itself are not instrumented and not judged.
tsan:
	@tools/install_packages.sh $(PACKAGES) clang libomp-dev
	@cmake --preset tsan >/dev/null
	@cmake --build build/tsan -j $(JOBS) --target core_parallel_test shared_sessions_test calib_test
	@OMP_TOOL_LIBRARIES="$$(clang++ -print-resource-dir)/../../libarcher.so" TSAN_OPTIONS="ignore_noninstrumented_modules=1 halt_on_error=1" \
	  ctest --test-dir build/tsan --output-on-failure -L threads

clang:
	@tools/install_packages.sh $(PACKAGES) clang libomp-dev
	@cmake --preset clang >/dev/null
	@cmake --build build/clang -j $(JOBS)

format:
	@git ls-files '*.h' '*.cpp' | xargs clang-format -i

peers:
	@tools/make_peers.sh

bench: build peers
	@bench/run_all.sh

clean:
	rm -rf build
