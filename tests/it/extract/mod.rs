//! Extraction over real HTTP against the simulator, into a real lake.

mod faults;
mod interruption;
mod landing;
mod matrix;
mod scene;
