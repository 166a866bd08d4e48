// What bound the last cycle, in words for a person.
#pragma once

#include "oda_controllers/types.hpp"

namespace oda_controllers
{

inline const char * text_of(Reason reason)
{
  switch (reason) {
    case Reason::kNone: return "tracks the twist";
    case Reason::kClamped: return "the twist is above the speed limits: clamped";
    case Reason::kLeash: return "the force limit is reached: the set-point waits";
    case Reason::kTorqueRate: return "a joint torque changes as fast as it may";
    case Reason::kTorqueLimit: return "a joint torque is as large as it may be";
    case Reason::kStale: return "no new twist in time: holding";
    case Reason::kBadTwist: return "the twist is not finite: holding";
    case Reason::kBadPeriod: return "the control cycle has no plausible duration: holding";
    case Reason::kNotStarted: return "not started";
    case Reason::kBadState: return "fault: what is measured cannot be used; no torque";
    case Reason::kStateJump: return "fault: a measured joint position jumped; no torque";
  }
  return "unknown";
}

}  // namespace oda_controllers
