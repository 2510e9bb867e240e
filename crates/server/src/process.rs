//! What the operating system says of this process, read when someone asks.

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
    registry::Unit,
};

/// Reads `/proc/self` at each collection; elsewhere than on Linux it has nothing to say.
#[derive(Debug)]
pub(crate) struct ProcessCollector;

struct Reading {
    cpu_seconds: f64,
    resident_bytes: u64,
    threads: i64,
    descriptors: u64,
}

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Some(reading) = read() else { return Ok(()) };
        let cpu = ConstCounter::new(reading.cpu_seconds);
        let unit = Some(&Unit::Seconds);
        let help = "CPU time of the process";
        cpu.encode(encoder.encode_descriptor("process_cpu", help, unit, cpu.metric_type())?)?;
        let memory = ConstGauge::new(reading.resident_bytes);
        let unit = Some(&Unit::Bytes);
        let help = "Memory of the process that is in use";
        let kind = memory.metric_type();
        memory.encode(encoder.encode_descriptor("process_resident", help, unit, kind)?)?;
        let threads = ConstGauge::new(reading.threads);
        let kind = threads.metric_type();
        threads.encode(encoder.encode_descriptor("process_threads", "Threads", None, kind)?)?;
        let descriptors = ConstGauge::new(reading.descriptors);
        let (help, kind) = ("Open file descriptors", descriptors.metric_type());
        descriptors.encode(encoder.encode_descriptor("process_open_fds", help, None, kind)?)
    }
}

fn read() -> Option<Reading> {
    let process = procfs::process::Process::myself().ok()?;
    let stat = process.stat().ok()?;
    #[expect(clippy::cast_precision_loss, reason = "clock ticks of a process")]
    let cpu_seconds = (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
    Some(Reading {
        cpu_seconds,
        resident_bytes: stat.rss * procfs::page_size(),
        threads: stat.num_threads,
        descriptors: process.fd_count().ok()? as u64,
    })
}
