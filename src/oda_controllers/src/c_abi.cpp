// The law behind a C interface of flat arrays, for ctypes. All matrices are row-major.
#include <time.h>

#include <cstring>
#include <new>

#include "oda_controllers/tcp_twist_impedance.hpp"
#include "oda_controllers/wrench.hpp"

using oda_controllers::Measurement;
using oda_controllers::Settings;
using oda_controllers::TcpTwistImpedance;

namespace
{

template<typename Matrix>
Matrix read(const double *& values)
{
  constexpr int order = Matrix::ColsAtCompileTime == 1 ? Eigen::ColMajor : Eigen::RowMajor;
  using Flat =
    Eigen::Matrix<double, Matrix::RowsAtCompileTime, Matrix::ColsAtCompileTime, order>;
  const Matrix result = Eigen::Map<const Flat>(values);
  values += Matrix::SizeAtCompileTime;
  return result;
}

// q 7, dq 7, p 3, R 9, J 42, M 49: 117 numbers.
Measurement measurement_of(const double * values)
{
  Measurement m;
  m.position = read<oda_controllers::Vector7>(values);
  m.velocity = read<oda_controllers::Vector7>(values);
  m.tcp_position = read<oda_controllers::Vector3>(values);
  m.tcp_rotation = read<oda_controllers::Matrix3>(values);
  m.jacobian = read<oda_controllers::Jacobian>(values);
  m.mass = read<oda_controllers::Matrix7>(values);
  return m;
}

static_assert(sizeof(Settings) == 24 * sizeof(double), "Settings is read as 24 numbers");

Settings settings_of(const double * values)
{
  Settings settings;
  std::memcpy(static_cast<void *>(&settings), values, sizeof(settings));
  return settings;
}

template<typename Vector>
void write(double *& values, const Vector & vector)
{
  std::memcpy(values, vector.data(), sizeof(double) * static_cast<std::size_t>(vector.size()));
  values += vector.size();
}

// Of this thread [s]; what other programs take meanwhile does not count.
double processor_time()
{
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

extern "C" {

// Returns what is wrong with 24 settings, nullptr if nothing.
const char * oda_law_complaint(const double * settings)
{
  return oda_controllers::complaint(settings_of(settings));
}

TcpTwistImpedance * oda_law_new(const double * settings)
{
  return new (std::nothrow) TcpTwistImpedance(settings_of(settings));
}

void oda_law_free(TcpTwistImpedance * law) { delete law; }


int oda_law_start(TcpTwistImpedance * law, const double * measurement)
{
  return law->start(measurement_of(measurement)) ? 1 : 0;
}

void oda_law_command(TcpTwistImpedance * law, const double * twist)
{
  law->command(Eigen::Map<const oda_controllers::Vector6>(twist));
}

// Writes torque 7, wrench 6, set-point 6, commanded twist 6, measured twist 6; returns the reason.
int oda_law_update(
  TcpTwistImpedance * law, const double * measurement, double period, double * output)
{
  const auto & out = law->update(measurement_of(measurement), period);
  write(output, out.torque);
  write(output, out.wrench);
  write(output, out.set_point);
  write(output, out.twist_command);
  write(output, out.twist);
  return static_cast<int>(out.reason);
}

// Wrench (6) of external joint torques (7), in the posture of the last update.
void oda_law_external_wrench(const TcpTwistImpedance * law, const double * torque, double * wrench)
{
  write(wrench, law->external_wrench(Eigen::Map<const oda_controllers::Vector7>(torque)));
}

// Processor time of each of `count` updates [s], over measurements one after the other; returns the
// last reason.
int oda_law_time(
  TcpTwistImpedance * law, const double * measurements, int count, double period, double * seconds)
{
  for (int i = 0; i < count; ++i) {
    const Measurement m = measurement_of(measurements + 117 * i);
    const double begin = processor_time();
    law->update(m, period);
    seconds[i] = processor_time() - begin;
  }
  return static_cast<int>(law->output().reason);
}

}  // extern "C"
