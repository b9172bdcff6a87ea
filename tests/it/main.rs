mod architecture;
mod docs;
