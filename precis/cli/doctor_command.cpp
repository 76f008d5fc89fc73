// precis doctor: what this machine and this build are, for bug reports and for understanding a speed.
#include "precis/cli/command.h"
#include "precis/flow/doctor.h"

namespace precis::cli {

void add_doctor(CLI::App& app, Globals& g, Action& action) {
  CLI::App* c =
      add_command(app, g, "doctor",
                  "Prints CPU instruction sets, libraries with versions, threads and the limits in force.",
                  "  precis doctor\n  precis doctor --peak\n");
  auto peak = std::make_shared<bool>(false);
  c->add_flag("--peak", *peak, "measure what the threads can do at most: f32, int8, reading memory");
  c->callback([&g, &action, peak] {
    action = [&g, peak] {
      flow::Doctor d = flow::examine();
      if (*peak) d.peak = flow::measure_peak(d.threads);
      emit(g, report::doctor_text(d), report::doctor_json(d));
      return 0;
    };
  });
}

}  // namespace precis::cli
