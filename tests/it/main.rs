mod architecture;
mod extract;
