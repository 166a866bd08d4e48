#include "inlet.hpp"

#include <cmath>

namespace oda_controllers
{

std::string Inlet::offer(
  const geometry_msgs::msg::TwistStamped & message, const rclcpp::Time & now)
{
  const auto & header = message.header;
  if (header.frame_id != frame_) {
    return "found frame '" + header.frame_id + "', expected '" + frame_ + "'";
  }
  const rclcpp::Time stamp(header.stamp, now.get_clock_type());
  if (stamp.nanoseconds() == stamp_ns_) {
    return "";
  }
  if (stamp.nanoseconds() < stamp_ns_) {
    return "the stamp is older than that of the last twist; expected rising stamps";
  }
  const double age = (now - stamp).seconds();
  if (std::abs(age) > longest_age_) {
    return "the stamp is " + std::to_string(age) + " s old, expected at most " +
           std::to_string(longest_age_) + " s; compare the clocks";
  }
  const auto & linear = message.twist.linear;
  const auto & angular = message.twist.angular;
  Offer offer;
  offer.twist << linear.x, linear.y, linear.z, angular.x, angular.y, angular.z;
  offer.number = ++offered_;
  box_.set(offer);
  if (!offer.twist.allFinite()) {
    return "found a twist that is not finite, expected six finite numbers; the arm holds";
  }
  stamp_ns_ = stamp.nanoseconds();
  return "";
}

std::optional<Vector6> Inlet::take()
{
  const auto offer = box_.try_get();
  if (!offer || offer->number == taken_) {
    return std::nullopt;
  }
  taken_ = offer->number;
  return offer->twist;
}

}  // namespace oda_controllers
