// Twists from the network into the control loop: checked here, taken there without waiting.
#pragma once

#include <cstdint>
#include <geometry_msgs/msg/twist_stamped.hpp>
#include <optional>
#include <rclcpp/time.hpp>
#include <realtime_tools/realtime_thread_safe_box.hpp>
#include <string>

#include "oda_controllers/types.hpp"

namespace oda_controllers
{

class Inlet
{
public:
  Inlet(std::string frame, double longest_age)
  : frame_(std::move(frame)), longest_age_(longest_age)
  {
  }

  // Offer a message at `now`; returns why it is refused, empty if it counts or repeats the last.
  std::string offer(const geometry_msgs::msg::TwistStamped & message, const rclcpp::Time & now);

  // The newest twist, once; nothing if there is none or if it is being written. Never waits.
  std::optional<Vector6> take();

private:
  struct Offer
  {
    Vector6 twist = Vector6::Zero();
    std::uint64_t number = 0;
  };

  std::string frame_;
  double longest_age_;  // [s]
  std::int64_t stamp_ns_ = 0;
  std::uint64_t offered_ = 0;
  std::uint64_t taken_ = 0;
  realtime_tools::RealtimeThreadSafeBox<Offer> box_;
};

}  // namespace oda_controllers
