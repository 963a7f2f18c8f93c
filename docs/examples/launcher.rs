//! launcher.c in Rust, without a crate: the calls of mistcore.h as they are, and a value that stops the server
//! when it goes.
//!
//!     ./launcher-rs COMMAND [ARGUMENT...]     the command finds the server in $MIST_DNS

use std::env;
use std::ffi::{CStr, CString};
use std::mem::{size_of, zeroed};
use std::os::raw::{c_char, c_int, c_uint};
use std::process::{exit, Command};
use std::ptr::{null, null_mut};

#[repr(C)]
struct Content {
    _private: [u8; 0],
}

#[repr(C)]
struct RawServer {
    _private: [u8; 0],
}

/// struct mist_zone_options as far as it is used here: `size` says how far that is.
#[repr(C)]
struct ZoneOptions {
    size: usize,
    name: *const c_char,
    records: bool,
    addresses: *const *const c_char,
    address_count: usize,
    ttl: u32,
    dnssec: c_int,
    ephemeral_key: bool,
    cds: bool,
    file: *const c_char,
    registry: bool,
}

#[repr(C)]
struct Registration {
    size: usize,
    name: *const c_char,
    owner: *const c_char,
    tier: c_uint,
    addresses: *const *const c_char,
    address_count: usize,
    lease_ms: u32,
}

extern "C" {
    fn mist_strerror(error: c_int) -> *const c_char;
    fn mist_content_new(content: *mut *mut Content, options: *const u8) -> c_int;
    fn mist_content_zone(content: *mut Content, options: *const ZoneOptions, zone: *mut *mut u8) -> c_int;
    fn mist_content_free(content: *mut Content);
    fn mist_start(server: *mut *mut RawServer, options: *const u8, content: *mut Content) -> c_int;
    fn mist_stop(server: *mut RawServer) -> c_int;
    fn mist_port(server: *const RawServer) -> u16;
    fn mist_register(server: *mut RawServer, registration: *const Registration) -> c_int;
}

fn check(error: c_int) -> Result<(), String> {
    match error {
        0 => Ok(()),
        // SAFETY: static text for every number.
        _ => Err(unsafe { CStr::from_ptr(mist_strerror(error)) }.to_string_lossy().into_owned()),
    }
}

fn text(value: &str) -> Result<CString, String> {
    CString::new(value).map_err(|problem| problem.to_string())
}

struct Server(*mut RawServer);

impl Server {
    fn start(zone: &str) -> Result<Server, String> {
        let zone = text(zone)?;
        let mut content = null_mut();
        let mut server = null_mut();
        // SAFETY: all-zero options mean the defaults; texts are copied before a call returns; mist_start() takes the
        // content, also when it fails.
        unsafe {
            check(mist_content_new(&mut content, null()))?;
            let mut options: ZoneOptions = zeroed();
            options.size = size_of::<ZoneOptions>();
            options.name = zone.as_ptr();
            options.registry = true;
            options.ephemeral_key = true;
            if let Err(problem) = check(mist_content_zone(content, &options, null_mut())) {
                mist_content_free(content);
                return Err(problem);
            }
            check(mist_start(&mut server, null(), content))?;
        }
        Ok(Server(server))
    }

    fn port(&self) -> u16 {
        unsafe { mist_port(self.0) }
    }

    fn register(&self, name: &str, owner: &str, address: &str) -> Result<(), String> {
        let (name, owner, address) = (text(name)?, text(owner)?, text(address)?);
        let addresses = [address.as_ptr()];
        let registration = Registration {
            size: size_of::<Registration>(),
            name: name.as_ptr(),
            owner: owner.as_ptr(),
            tier: 0,
            addresses: addresses.as_ptr(),
            address_count: addresses.len(),
            lease_ms: 0,
        };
        check(unsafe { mist_register(self.0, &registration) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        unsafe { mist_stop(self.0) };
    }
}

fn launch() -> Result<i32, String> {
    let mut arguments = env::args_os().skip(1);
    let command = arguments.next().ok_or("which command?")?;
    let server = Server::start("box.test")?;
    server.register("web", "launcher", "127.0.0.7")?; // the next query sees it
    let status = Command::new(&command)
        .args(arguments)
        .env("MIST_DNS", format!("127.0.0.1:{}", server.port()))
        .status()
        .map_err(|problem| format!("cannot run {}: {problem}", command.to_string_lossy()))?;
    Ok(status.code().unwrap_or(1))
}

fn main() {
    exit(launch().unwrap_or_else(|problem| {
        eprintln!("launcher: {problem}");
        1
    }))
}
