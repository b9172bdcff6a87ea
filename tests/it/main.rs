mod architecture;
mod docs;
mod extract;
