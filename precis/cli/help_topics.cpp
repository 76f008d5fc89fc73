// The help topics.
#include "precis/cli/help_topics.h"

#include <fmt/format.h>

#include "precis/cli/help_format.h"
#include "precis/core/check.h"
#include "precis/core/text.h"

namespace precis::cli {
namespace {

struct Topic {
  const char* name;
  const char* text;
};

constexpr Topic kTopics[] = {
    {"data",
     R"(Data for --calib and --data: PATH[,rows=A:B][,count=N]

  folder/test_data_set_N/input_0.pb   the ONNX test layout
  inputs.npz, folder of .npy          key or file name = input name; rows along axis 0 are samples
  images/CLASS/*.jpg                  one sub-folder per class, in order of their names
  images/ with labels.csv             lines `file,label`
  train-images-idx3-ubyte[.gz]        IDX (MNIST); the labels file beside it is found
  data_batch.bin[.gz]                 CIFAR binary

When --calib and --data are the same set they take disjoint rows by themselves; equal samples in both are found by content.
Images go through --preprocess: a preset (imagenet, imagenet-caffe, tf, cifar10, mnist, unit, raw ...) or a YAML file; without it
MODEL.preprocess.yaml beside the model is used. docs/data.md has all keys.
)"},
    {"rules",
     R"(Rules for --set: MATCH.key=value, repeatable; the last rule that matches wins

  MATCH   a node or tensor name      head/fc.quantize=false
          a glob                     '/head/*.observer=minmax'
          re:REGEX                   're:^block[34]/.quantize=false'
          op:TYPE                    op:Gemm.weight_bits=6
          first, last                last.quantize=false (operator with weights)
  key     quantize (true/false), weight_bits, activation_bits, observer, activations (affine/symmetric),
          per_channel (true/false), range=MIN:MAX, scale, zero_point

`precis inspect MODEL --plan` lists the names. --print-recipe shows the recipe with its rules; --recipe runs one.
)"},
    {"exit-codes",
     R"(0   done, verified                     5   budget not met
1   internal error (a bug)             6   I/O failure (read, write, disk full)
2   usage or recipe error              7   resource limit hit (memory, time, size)
3   input malformed or rejected        8   verification failed, output not kept
4   valid model, feature unsupported   130 / 143   interrupted, terminated
)"},
};

}  // namespace

void add_help_topics(CLI::App& app, Action& action) {
  CLI::App* c =
      app.add_subcommand("help", "Shows a help topic (data, rules, exit-codes) or a command's help.");
  c->footer("  precis help data\n  precis help quantize\n");
  c->set_help_flag("-h,--help", "print this help")->group(kCommonFlags);
  auto topic = std::make_shared<std::string>();
  c->add_option("topic", *topic, "topic or command");
  c->callback([&app, &action, topic] {
    action = [&app, topic] {
      if (topic->empty()) {
        fmt::print("{}", help_text(app));
        return 0;
      }
      std::vector<std::string> names;
      for (const Topic& t : kTopics) {
        names.emplace_back(t.name);
        if (*topic == t.name) {
          fmt::print("{}", t.text);
          return 0;
        }
      }
      for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        names.push_back(command->get_name());
        if (command->get_name() == *topic) {
          fmt::print("{}", help_text(*command));
          return 0;
        }
      }
      const std::string near = nearest(*topic, names);
      fail(ErrorCode::kUsage,
           "there is no help topic '{}'{}; the topics are data, rules, exit-codes and the commands",
           printable(*topic), near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near));
    };
  });
}

}  // namespace precis::cli
