//! Builds the portal into the binary: `npm ci` when the lock is newer than what is installed, then `vite build`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, exit},
};

fn main() {
    for path in ["src", "public", "index.html", "package.json", "package-lock.json", "vite.config.ts", "tsconfig.json"]
    {
        println!("cargo::rerun-if-changed=web/{path}");
    }
    println!("cargo::rerun-if-env-changed=WEB_DIST");
    // A page that was built elsewhere, where there is no Node.
    let dist = env::var_os("WEB_DIST").map_or_else(build, PathBuf::from);
    println!("cargo::rustc-env=PORTAL_DIST={}", dist.display());
}

fn build() -> PathBuf {
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("web");
    let web = Path::new("web");
    let modified = |path: PathBuf| fs::metadata(path).and_then(|m| m.modified()).ok();
    if modified(web.join("package-lock.json")) > modified(web.join("node_modules/.package-lock.json")) {
        npm(&["ci", "--no-audit", "--no-fund"]);
    }
    npm(&["run", "build", "--", "--emptyOutDir", "--outDir", &out.display().to_string()]);
    out
}

fn npm(arguments: &[&str]) {
    let status = Command::new("npm").args(arguments).current_dir("web").status();
    if !status.as_ref().is_ok_and(|s| s.success()) {
        println!(
            "cargo::error=the portal could not be built: npm {} ({status:?}). Node 20 or later is needed.",
            arguments.join(" ")
        );
        exit(1);
    }
}
