// What the control loop tells: pose, twist and wrench of the TCP, published by other threads.
#pragma once

#include <geometry_msgs/msg/pose_stamped.hpp>
#include <geometry_msgs/msg/wrench_stamped.hpp>
#include <memory>
#include <oda_msgs/msg/tcp_state.hpp>
#include <rclcpp_lifecycle/lifecycle_node.hpp>
#include <realtime_tools/realtime_publisher.hpp>
#include <string>

#include "oda_controllers/types.hpp"

namespace oda_controllers
{

struct TcpNames
{
  std::string base_frame;
  std::string tcp_frame;
};

class Outlet
{
public:
  Outlet(rclcpp_lifecycle::LifecycleNode & node, const TcpNames & names);

  // Hand one state over; what a publisher has not sent yet is dropped, never waited for.
  void publish(
    const rclcpp::Time & time, const Measurement & measured, const Vector6 & twist,
    const Vector6 & wrench);

private:
  template<typename Message>
  using Publisher = std::unique_ptr<realtime_tools::RealtimePublisher<Message>>;

  oda_msgs::msg::TcpState state_;
  geometry_msgs::msg::PoseStamped pose_;
  geometry_msgs::msg::WrenchStamped wrench_;
  Publisher<oda_msgs::msg::TcpState> state_publisher_;
  Publisher<geometry_msgs::msg::PoseStamped> pose_publisher_;
  Publisher<geometry_msgs::msg::WrenchStamped> wrench_publisher_;
};

}  // namespace oda_controllers
