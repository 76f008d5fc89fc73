// precis doctor: what this machine and this build are, for bug reports and for understanding a speed.
#include "precis/cli/command.h"
#include "precis/flow/doctor.h"

namespace precis::cli {

void add_doctor(CLI::App& app, Globals& g, Action& action) {
  CLI::App* c =
      add_command(app, g, "doctor",
                  "Prints CPU instruction sets, libraries with versions, threads and the limits in force.",
                  "  precis doctor\n");
  c->callback([&g, &action] {
    action = [&g] {
      const flow::Doctor d = flow::examine();
      emit(g, report::doctor_text(d), report::doctor_json(d));
      return 0;
    };
  });
}

}  // namespace precis::cli
