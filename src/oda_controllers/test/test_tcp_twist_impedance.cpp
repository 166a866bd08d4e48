// What only C++ can tell of the law: that its cycle neither allocates nor throws, nor trips over an
// assertion of Eigen, whatever comes in.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <new>
#include <random>

#include "oda_controllers/tcp_twist_impedance.hpp"
#include "oda_controllers/wrench.hpp"

namespace
{

std::atomic<bool> watched{false};
std::atomic<int> allocations{0};

}  // namespace

// Every way to memory leads through these.
extern "C" void * __libc_malloc(std::size_t size);

extern "C" void * malloc(std::size_t size) noexcept
{
  if (watched) {
    ++allocations;
  }
  return __libc_malloc(size);
}

void * operator new(std::size_t size)
{
  if (void * memory = std::malloc(size)) {
    return memory;
  }
  throw std::bad_alloc();
}

void operator delete(void * memory) noexcept { std::free(memory); }
void operator delete(void * memory, std::size_t) noexcept { std::free(memory); }

namespace
{

using namespace oda_controllers;

Settings figures()
{
  Settings s{};
  s.linear_stiffness = 2000.0;
  s.angular_stiffness = 150.0;
  s.damping_ratio = 1.0;
  s.lateral_force = 30.0;
  s.axial_force = 90.0;
  s.rotation_leash = 0.1;
  s.linear_speed = 0.1;
  s.angular_speed = 0.5;
  s.linear_acceleration = 4.0;
  s.angular_acceleration = 40.0;
  s.linear_jerk = 200.0;
  s.angular_jerk = 2000.0;
  s.command_timeout = 0.25;
  s.posture_stiffness = 10.0;
  s.posture_damping = 4.0;
  s.torque_rate = 1000.0;
  s.joint_step = 0.02;
  s.torque_limit.setConstant(100.0);
  return s;
}

class Arm
{
public:
  Measurement next()
  {
    Measurement m;
    m.position = Vector7::Constant(0.3);
    m.velocity = 0.01 * vector();
    m.tcp_position << 0.5, 0.0, 0.2;
    m.tcp_rotation = exponential(Vector3(0.01 * number(), 3.0, 0.0));
    for (int i = 0; i < kJoints; ++i) {
      m.jacobian.col(i) << 0.3 * number(), 0.3 * number(), 0.3 * number(), number(), number(),
        number();
    }
    m.mass = Matrix7::Identity();
    return m;
  }

  double number() { return std::uniform_real_distribution<double>(-1.0, 1.0)(random_); }

  Vector7 vector()
  {
    Vector7 v;
    for (int i = 0; i < kJoints; ++i) {
      v[i] = number();
    }
    return v;
  }

private:
  std::mt19937 random_{0};
};

TEST(Cycle, CountsAllocations)
{
  watched = true;
  const int before = allocations;
  delete new int(1);
  watched = false;
  EXPECT_GT(allocations, before);
}

TEST(Cycle, AllocatesNothingWhateverComes)
{
  const double bad[] = {
    std::nan(""), std::numeric_limits<double>::infinity(), 1e300, -1e300, 0.0, -1.0};
  Arm arm;
  TcpTwistImpedance law(figures());
  WrenchMean wrench;
  ASSERT_TRUE(law.start(arm.next()));
  int faults = 0;
  const int before = allocations;
  for (int i = 0; i < 1000; ++i) {
    Measurement m = arm.next();
    Vector6 twist = Vector6::Constant(0.05 * arm.number());
    if (i % 20 == 0) {
      (&m.position[0])[i % 110] = bad[i % 6];
      twist[i % 6] = bad[(i / 20) % 6];
    }
    watched = true;
    law.command(twist);
    const Output & output = law.update(m, i % 7 == 0 ? bad[i % 6] : 1e-3);
    wrench.add(law.external_wrench(m.velocity));
    wrench.tare();
    const bool fault = is_fault(output.reason);
    watched = false;
    ASSERT_TRUE(output.torque.allFinite());
    if (fault) {
      ++faults;
      ASSERT_TRUE(law.start(arm.next()));
    }
  }
  EXPECT_EQ(allocations, before);
  EXPECT_GT(faults, 10);
}

TEST(Cycle, CannotThrow)
{
  TcpTwistImpedance law(figures());
  const Measurement m = Arm().next();
  const Vector6 twist = Vector6::Zero();
  static_assert(noexcept(law.update(m, 1e-3)));
  static_assert(noexcept(law.command(twist)));
  static_assert(noexcept(law.start(m)));
}

TEST(Settings, AreRefusedWithAReason)
{
  EXPECT_EQ(complaint(figures()), nullptr);
  Settings slow = figures();
  slow.linear_jerk = 1.0;
  EXPECT_NE(complaint(slow), nullptr);
}

TEST(WrenchMean, IsTheTaredMeanOfTheWindow)
{
  WrenchMean wrench;
  for (std::size_t i = 0; i < 2 * WrenchMean::kWindow; ++i) {
    wrench.add(Vector6::Constant(static_cast<double>(i)));
  }
  EXPECT_TRUE(wrench.full());
  EXPECT_DOUBLE_EQ(wrench.value()[0], 149.5);
  wrench.add(Vector6::Constant(std::nan("")));
  EXPECT_DOUBLE_EQ(wrench.value()[0], 149.5);
  wrench.tare();
  EXPECT_DOUBLE_EQ(wrench.value()[5], 0.0);
  wrench.add(Vector6::Constant(200.0));
  EXPECT_DOUBLE_EQ(wrench.value()[5], 1.0);
}

}  // namespace
