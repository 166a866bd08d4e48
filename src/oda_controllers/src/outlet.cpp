#include "outlet.hpp"

#include <Eigen/Geometry>

namespace oda_controllers
{

namespace
{

template<typename Message>
auto publisher_on(rclcpp_lifecycle::LifecycleNode & node, const std::string & topic)
{
  return std::make_unique<realtime_tools::RealtimePublisher<Message>>(
    rclcpp::create_publisher<Message>(node, topic, rclcpp::SensorDataQoS()));
}

geometry_msgs::msg::Pose pose_of(const Measurement & measured)
{
  const Eigen::Quaterniond q(measured.tcp_rotation);
  geometry_msgs::msg::Pose pose;
  pose.position.x = measured.tcp_position.x();
  pose.position.y = measured.tcp_position.y();
  pose.position.z = measured.tcp_position.z();
  pose.orientation.x = q.x();
  pose.orientation.y = q.y();
  pose.orientation.z = q.z();
  pose.orientation.w = q.w();
  return pose;
}

template<typename Message>
void write(Message & message, const Vector3 & values)
{
  message.x = values.x();
  message.y = values.y();
  message.z = values.z();
}

}  // namespace

Outlet::Outlet(rclcpp_lifecycle::LifecycleNode & node, const TcpNames & names)
: state_publisher_(publisher_on<oda_msgs::msg::TcpState>(node, "/oda/state")),
  pose_publisher_(publisher_on<geometry_msgs::msg::PoseStamped>(node, "/oda/tcp_pose")),
  wrench_publisher_(publisher_on<geometry_msgs::msg::WrenchStamped>(node, "/oda/wrench"))
{
  state_.header.frame_id = pose_.header.frame_id = names.base_frame;
  state_.tcp_frame_id = wrench_.header.frame_id = names.tcp_frame;
}

void Outlet::publish(
  const rclcpp::Time & time, const Measurement & measured, const Vector6 & twist,
  const Vector6 & wrench)
{
  state_.header.stamp = pose_.header.stamp = wrench_.header.stamp = time;
  state_.pose = pose_.pose = pose_of(measured);
  write(state_.twist.linear, twist.head<3>());
  write(state_.twist.angular, twist.tail<3>());
  write(wrench_.wrench.force, wrench.head<3>());
  write(wrench_.wrench.torque, wrench.tail<3>());
  state_.wrench = wrench_.wrench;
  state_publisher_->try_publish(state_);
  pose_publisher_->try_publish(pose_);
  wrench_publisher_->try_publish(wrench_);
}

}  // namespace oda_controllers
